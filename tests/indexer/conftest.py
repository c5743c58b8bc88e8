"""A world to mirror, and a ledger to mirror it into."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from indexer import chain as rpc
from indexer.settings import Settings
from tests.indexer import world as worlds
from tests.ledger.conftest import ledger_template, ledger_url

__all__ = ["ledger_template", "ledger_url"]


@pytest.fixture
def world(deployed_chain: Path) -> Iterator[worlds.World]:
    """Finality lies 128 blocks behind the head."""
    with worlds.running(deployed_chain) as running:
        running.approve()
        yield running


@pytest.fixture
def settings(world: worlds.World, ledger_url: str) -> Settings:
    return world.settings(ledger_url)


@pytest.fixture
async def chain(world: worlds.World) -> AsyncIterator[rpc.Chain]:
    async with rpc.Chain([world.rpc_url]) as chain:
        yield chain
