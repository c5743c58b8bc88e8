"""A short one of the histories that `make prove-earnings` plays with 2,000 tips."""

import os
import random
from pathlib import Path

import pytest

from tests.api.payouts import chain_sums, proving
from tests.indexer import world as worlds

TIPS = int(os.environ.get("PROVE_TIPS", "100"))


@pytest.mark.slow
async def test_every_figure_is_the_chains(deployed_chain: Path, database_url: str, cache_url: str) -> None:
    with worlds.running(deployed_chain, seed=random.Random(TIPS).randrange(2**32)) as world:
        proving.begin(world)
        found = await proving.prove(world, database_url, cache_url, TIPS)
    assert found["differences"] == []
    assert found["tips"] >= TIPS
    assert set(found["rails"]) == set(chain_sums.RAILS)
    assert min(found[name] for name in ("reorgs", "holds", "claims", "sweeps", "not_final")) > 0
    assert found["figures"] > 20 * TIPS


def test_a_unit_too_much_is_named() -> None:
    compared = proving.Compared()
    compared.same("total", {"a": (1, 2)}, {"a": (1, 2)})
    assert (compared.figures, compared.differences) == (2, [])
    compared.same("total", {"a": (1, 2)}, {"a": (1, 3)})
    assert compared.differences == ["total: the API says {'a': (1, 2)}, the chain {'a': (1, 3)}"]
