"""One process at a time: takes the writer's lock, opens the mirror, follows, and starts again when it lost the lock.

Any number of indexers may run. One leads; the others wait for its lock, which PostgreSQL frees with its connection, and
take over within a second. The epoch in the cursor fences a writer that lost the lock without noticing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext

import psycopg
import structlog

from indexer import chain as rpc
from indexer import events, fetch, follow, reconcile
from indexer.follow import Mirror
from indexer.settings import Settings
from indexer.status import Status
from ledger import db, deployment, record

log = structlog.get_logger("indexer.lead")

_STANDBY_SECONDS = 0.5
_RECONNECT_SECONDS = 1.0


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
) -> None:
    """Leads whenever it can, until `stop` is set or `done`. Raises WrongChain and record.OtherDeployment."""
    scope = scope_of(settings)
    await _confirm_chain(chain, scope, stop)
    while not stop.is_set():
        try:
            async with leading(settings, scope, chain, status, stop) as mirror:
                if mirror is None:
                    return
                beside = nullcontext() if done else reconcile.beside(settings, chain, scope, status, stop)
                async with beside:
                    await follow.follow(mirror, poll_seconds=settings.poll_seconds, stop=stop, done=done)
                return
        except (psycopg.OperationalError, record.Fenced, rpc.Unavailable) as fault:
            log.warning("lead_lost", why=repr(fault))
            status.retries[type(fault).__name__] += 1
            await follow.pause(stop, _RECONNECT_SECONDS)


@asynccontextmanager
async def leading(
    settings: Settings, scope: fetch.Scope, chain: rpc.Chain, status: Status, stop: asyncio.Event
) -> AsyncIterator[Mirror | None]:
    """A mirror that holds the writer's lock while the context lasts; None when `stop` was set while it waited."""
    connection = await db.connect_async(settings.database_url, "molt_indexer", autocommit=True)
    async with connection:
        # Else a statement of a killed writer would keep its lock until the statement ends.
        await connection.execute("SET client_connection_check_interval = '1s'")
        waiting = False
        while not await record.try_lead(connection, settings.chain_id):
            if not waiting:
                log.info("standing_by", chain_id=settings.chain_id)
            waiting = True
            await follow.pause(stop, _STANDBY_SECONDS)
            if stop.is_set():
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


async def _confirm_chain(chain: rpc.Chain, scope: fetch.Scope, stop: asyncio.Event) -> None:
    """Waits for a provider that answers; a wrong one is an error at once."""
    while not stop.is_set():
        try:
            found = await chain.chain_id()
        except rpc.Unavailable as fault:
            chain.leave_provider("Unavailable", str(fault))
            await follow.pause(stop, _RECONNECT_SECONDS)
            continue
        if found != scope.deployment.chain_id:
            raise WrongChain(
                f"{chain.provider.name} serves chain {found}, not {scope.deployment.chain_id}: see RPC_URLS"
            )
        return
