"""Half a dozen of what `python -m tests.indexer.chaos` does by the hundred."""

import random

from tests.indexer import chaos
from tests.indexer.world import World


async def test_after_each_reorganisation_the_ledger_equals_a_rebuild(world: World, ledger_url: str) -> None:
    world.rng = random.Random(11)
    result = await chaos.reorganise(world, ledger_url, 6)
    assert result["rewinds"] >= 3
