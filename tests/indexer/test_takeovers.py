"""A few of the kills that `make chaos-indexer` does by the hundred."""

import asyncio

from tests.indexer import takeovers
from tests.indexer.world import World


async def test_the_other_takes_over_and_who_lost_lock_or_epoch_is_refused(world: World, ledger_url: str) -> None:
    result = await asyncio.to_thread(takeovers.play, world, ledger_url, 4)
    assert result["takeover_ms_worst"] < 5000
    assert result["fenced_attempts_refused"] == 2
    assert result["epochs_with_one_writer_each"] >= 6
