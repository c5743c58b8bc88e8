"""Fills a connection's scratch schema from the chain alone: with everything up to a block, or a slice of blocks."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from indexer import chain as rpc
from indexer import fetch, follow, progress, proof, reorg
from indexer.status import Status
from ledger import record, scratch

_TRIES = 12
_TRIES_A_STEP = 4

Pace = Callable[[float], Awaitable[None]]
"""Called after each step with the seconds that it took."""


class NotOnChain(Exception):
    """The node does not have these blocks, or they follow another one than the ledger's: ask again later."""


async def everything(
    chain: rpc.Chain, connection: record.Connection, scope: fetch.Scope, until: int, range_blocks: int
) -> record.Cursor | None:
    """Up to this block; None when the node lacks it. Raises what `Mirror.step` raises when it keeps doing so."""
    await scratch.create(connection)
    mirror = await follow.open_mirror(chain, connection, scope, Status(), scratch.SCRATCH, range_blocks=range_blocks)
    mirror.until = until
    async with progress.shown(mirror.status, until=until):
        reached = await _step_until(mirror, until)
    if not reached:
        return None
    await scratch.analyze(connection)
    return mirror.cursor


async def _step_until(mirror: follow.Mirror, until: int) -> bool:
    faults = 0
    while mirror.cursor.head_number < until:
        try:
            if not await mirror.step():
                return False
            faults = 0
        except (rpc.Unavailable, proof.BadAnswer, reorg.DeepReorg) as fault:
            faults += 1
            if faults == _TRIES:
                raise
            mirror.chain.leave_provider(type(fault).__name__, str(fault), fault)
            await asyncio.sleep(0.1 * faults)
    return True


async def slice_of(
    chain: rpc.Chain,
    connection: record.Connection,
    scope: fetch.Scope,
    blocks: range,
    *,
    range_blocks: int,
    pace: Pace,
) -> record.Cursor:
    """Rows of these blocks, and of earlier ones that they make ours, given the vaults that the ledger knew before.

    The scratch schema must exist; what is in it is thrown away. Raises NotOnChain and what `Mirror.step` raises.
    """
    await scratch.clear(connection)
    (header,) = await chain.headers([blocks[0] - 1])
    proof.header_hash(header)
    before = fetch.block_fact(scope.deployment.chain_id, header, has_events=False)
    await record.open_cursor(connection, scope.deployment, before, scratch.SCRATCH)
    await connection.execute(_KNOWN_VAULTS, (scope.deployment.chain_id, blocks[0]))
    mirror = await follow.open_mirror(
        chain, connection, scope, Status(), scratch.SCRATCH, range_blocks=range_blocks, receipts="never"
    )
    mirror.until = blocks[-1]
    try:
        while mirror.cursor.head_number < blocks[-1]:
            began = time.monotonic()
            if not await _patient_step(mirror):
                raise NotOnChain(f"{chain.provider.name} has no block {mirror.cursor.head_number + 1} yet")
            await pace(time.monotonic() - began)
    finally:
        await mirror.ahead.drop()
    return mirror.cursor


async def _patient_step(mirror: follow.Mirror) -> bool:
    """Asks the same provider again: whoever compares wants to know who said what."""
    for tries in range(1, _TRIES_A_STEP):
        with suppress(rpc.Unavailable, proof.BadAnswer):
            return await mirror.step()
        await asyncio.sleep(0.1 * tries)
    return await mirror.step()


_KNOWN_VAULTS = """
INSERT INTO pg_temp.vault_deployed SELECT * FROM ledger.vault_deployed WHERE chain_id = %s AND block_number < %s"""
