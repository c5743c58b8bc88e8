"""Rebuilds the ledger beside itself: the old rows are read until the new ones take their place, all at once.

Killed at any moment before that, the ledger is as it was. Indexers may run meanwhile, and go on: whoever leads when the
new rows are in place is fenced, and its session ended, so that it begins again from the new cursor.
"""

import asyncio

import structlog

from indexer import chain as rpc
from indexer import follow, lead
from indexer.settings import Settings
from indexer.status import Status
from ledger import db, record, scratch

log = structlog.get_logger("indexer.renew")


async def renew(settings: Settings, status: Status, chain: rpc.Chain, stop: asyncio.Event) -> record.Cursor | None:
    """Fills a scratch schema from the chain alone, up to its head, and puts that in the ledger's place.

    Also where the ledger mirrors another deployment than the one named now. None when told to stop: then nothing was
    changed. Raises lead.WrongChain, deployment.NotDeployed and psycopg.OperationalError.
    """
    scope = lead.scope_of(settings)
    async with lead.ending_soon_after(stop):
        await lead.confirm_chain(chain, scope, stop)
        connection = await lead.connect(settings)
        async with connection:
            await scratch.create(connection)
            mirror = await follow.open_mirror(
                chain,
                connection,
                scope,
                status,
                scratch.SCRATCH,
                range_blocks=settings.range_blocks,
                receipts=settings.receipts,
            )
            await follow.follow(mirror, poll_seconds=settings.poll_seconds, stop=stop, done=_caught_up)
            if not stop.is_set():
                log.info("putting_in_place", head=mirror.cursor.head_number, rows=status.rows.total())
                adopted = await scratch.adopt(connection, settings.chain_id)
                await _dismiss_leader(settings)
                return adopted
    return None


async def _dismiss_leader(settings: Settings) -> None:
    """As the login itself, which may end its own sessions; the role may not where the login is a superuser."""
    connection = await db.connect_async(settings.database_url, autocommit=True)
    async with connection:
        await record.dismiss_leader(connection, settings.chain_id)


async def _caught_up(mirror: follow.Mirror) -> bool:
    return mirror.cursor.head_number >= mirror.cursor.chain_head_number
