"""One process at a time: takes the writer's lock, opens the mirror, follows, and starts again when it lost the lock.

Any number of indexers may run. One leads; the others stand by, hot: connected, their provider asked, the head known.
PostgreSQL frees the lock with the leader's connection: at once when its process ends, however it ends, and within
seconds when its machine or the network to it is gone. The epoch in the cursor fences a writer that lost the lock
without noticing.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext

import psycopg
import structlog

from indexer import chain as rpc
from indexer import events, fetch, follow, heads
from indexer.follow import Mirror
from indexer.settings import Settings
from indexer.status import Status
from ledger import db, deployment, record

log = structlog.get_logger("indexer.lead")

APPLICATION = "molt-indexer"
"""Begins the name of each session of ours in `pg_stat_activity`; host and process id follow."""

_STANDBY_SECONDS = 0.2
_WARM_SECONDS = 2.0
_RECONNECT_SECONDS = 0.5
_GRACE_SECONDS = 0.5
"""For the batch that is being written when we are told to stop."""
_LOST = (
    psycopg.OperationalError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,  # the database failed over, and we still talk to the old one
    record.Fenced,
    rpc.Unavailable,
)


class WrongChain(Exception):
    """The providers serve another chain than CHAIN_ID, or the splitter is not on it."""


def scope_of(settings: Settings) -> fetch.Scope:
    """What to mirror. Raises deployment.DeploymentUnreadable and deployment.NotDeployed."""
    found = deployment.load(settings.chain_id, settings.deployment_file)
    return fetch.Scope(found, events.Decoder(found.chain_id, deployment.abi("TipSplitter")))


async def run(
    settings: Settings,
    status: Status,
    chain: rpc.Chain,
    stop: asyncio.Event,
    done: Callable[[Mirror], Awaitable[bool]] | None = None,
    *,
    until: int | None = None,
) -> None:
    """Leads whenever it can, until `stop` is set or `done`. Raises WrongChain and record.OtherDeployment.

    Ends within a second of `stop`: the batch under way is written, or, when that takes longer, given up as a whole."""
    scope = scope_of(settings)
    if done is None:
        from indexer import reconcile  # noqa: PLC0415 - a backfill starts a third faster without it
    async with ending_soon_after(stop):
        await confirm_chain(chain, scope, stop)
        while not stop.is_set():
            try:
                async with leading(settings, scope, chain, status, stop) as mirror:
                    if mirror is None:
                        return
                    mirror.until = until
                    async with nullcontext() if done else reconcile.beside(settings, chain, scope, status, stop):
                        urls = settings.ws_urls if done is None else []
                        async with heads.Heads(urls, seen=lambda: _head_number(status)) as announced:
                            await follow.follow(
                                mirror, poll_seconds=settings.poll_seconds, stop=stop, done=done, news=announced.wait
                            )
                    return
            except _LOST as fault:
                follow.heed_cancellation(fault)
                log.warning("lead_lost", why=repr(fault))
                status.retries[type(fault).__name__] += 1
                await follow.pause(stop, _RECONNECT_SECONDS)


@asynccontextmanager
async def leading(
    settings: Settings, scope: fetch.Scope, chain: rpc.Chain, status: Status, stop: asyncio.Event
) -> AsyncIterator[Mirror | None]:
    """A mirror that holds the writer's lock while the context lasts; None when `stop` was set while it waited."""
    connection = await connect(settings)
    async with connection:
        if not await _stand_by(connection, settings.chain_id, chain, status, stop):
            yield None
            return
        mirror = await follow.open_mirror(
            chain, connection, scope, status, range_blocks=settings.range_blocks, receipts=settings.receipts
        )
        status.leading = True
        log.info("leading", chain_id=settings.chain_id, head=mirror.cursor.head_number, epoch=mirror.cursor.epoch)
        try:
            yield mirror
        finally:
            status.leading = False
    log.info("lead_released", chain_id=settings.chain_id, head=mirror.cursor.head_number, epoch=mirror.cursor.epoch)


async def connect(settings: Settings) -> record.Connection:
    """A session of the indexer's, named in `pg_stat_activity`. Either side notices within seconds when the other one is
    gone."""
    name = f"{APPLICATION} {socket.gethostname()}:{os.getpid()}"
    connection = await db.connect_async(
        settings.database_url,
        "molt_indexer",
        autocommit=True,
        application_name=name,
        connect_timeout=5,
        keepalives_idle=1,
        keepalives_interval=1,
        keepalives_count=3,
        tcp_user_timeout=3000,
    )
    await connection.execute(_GUARD)
    return connection


async def _stand_by(
    connection: record.Connection, chain_id: int, chain: rpc.Chain, status: Status, stop: asyncio.Event
) -> bool:
    """Waits for the lock; False when `stop` was set first.

    It asks again and again, because a statement that waits for a lock keeps its snapshot, which would stop the
    database from clearing away dead rows for as long as there is a standby."""
    if await record.try_lead(connection, chain_id):
        return True
    log.info("standing_by", chain_id=chain_id)
    async with _kept_warm(chain):
        while not stop.is_set():
            status.cursor = await record.read_cursor(connection, chain_id)
            await follow.pause(stop, _STANDBY_SECONDS)
            if not stop.is_set() and await record.try_lead(connection, chain_id):
                return True
    return False


@asynccontextmanager
async def _kept_warm(chain: rpc.Chain) -> AsyncIterator[None]:
    """Meanwhile, asks for the head now and then: its connection stays open, and a dead provider is left in time."""
    task = asyncio.create_task(_ask_for_heads(chain))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _ask_for_heads(chain: rpc.Chain) -> None:
    while True:
        try:
            await chain.heads()
        except rpc.Unavailable as fault:
            chain.leave_provider("Unavailable", str(fault))
        await asyncio.sleep(_WARM_SECONDS)


@asynccontextmanager
async def ending_soon_after(stop: asyncio.Event) -> AsyncIterator[None]:
    """Breaks off what still runs _GRACE_SECONDS after `stop`. A transaction is rolled back then, as in a crash."""
    deadline = asyncio.timeout(None)
    try:
        async with deadline:
            watch = asyncio.create_task(_expire(stop, deadline))
            try:
                yield
            finally:
                watch.cancel()
    except TimeoutError:
        if not deadline.expired():
            raise
        log.info("batch_given_up")


async def _expire(stop: asyncio.Event, deadline: asyncio.Timeout) -> None:
    await stop.wait()
    deadline.reschedule(asyncio.get_running_loop().time() + _GRACE_SECONDS)


async def confirm_chain(chain: rpc.Chain, scope: fetch.Scope, stop: asyncio.Event) -> None:
    """Waits for a provider of our chain. Raises WrongChain when each of them serves another one."""
    wrong: dict[str, int] = {}
    while not stop.is_set():
        try:
            found = await chain.chain_id()
        except rpc.Unavailable as fault:
            chain.leave_provider("Unavailable", str(fault))
            await follow.pause(stop, _RECONNECT_SECONDS)
            continue
        if found == scope.deployment.chain_id:
            return
        wrong[chain.provider.name] = found
        if wrong.keys() >= {each.name for each in chain.providers}:
            said = ", ".join(f"{name} serves chain {number}" for name, number in wrong.items())
            raise WrongChain(f"{said}, not {scope.deployment.chain_id}: see RPC_URLS")
        chain.leave_provider("WrongChain", f"serves chain {found}")


_GUARD = """
SET client_connection_check_interval = '200ms'; -- else a killed writer's statement keeps the lock until it ends
SET tcp_keepalives_idle = 1; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3; -- its machine is gone
SET tcp_user_timeout = '3s';
SET idle_in_transaction_session_timeout = '5s'; -- frozen between two statements
SET statement_timeout = '20s'; -- frozen within one, while a COPY waits for more; no batch takes a second
SET transaction_timeout = '10s'; -- frozen within a pipeline, whose flush turns the idle timer off (seen in 18)
SET idle_session_timeout = '60s';
SET synchronous_commit = off -- what a crash of the database loses is fetched again (docs/decisions/0010)"""
"""How soon PostgreSQL gives up a session whose process says nothing more, and with it the writer's lock."""


def _head_number(status: Status) -> int:
    return status.cursor.head_number if status.cursor is not None else 0
