"""A database with the relayer's schema and an Anvil, fresh for each test; `world` holds both."""

import itertools
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local import chain as local_chain
from deploy.local import postgres
from ledger import db
from tests.relayer.flaky_node import FlakyNode
from tests.relayer.world import World, a_world

_counter = itertools.count()


@pytest.fixture(scope="session")
def relay_template(postgres_server: str) -> str:
    url = postgres.ensure_database(postgres_server, "relay_template")
    db.migrate(url, "ledger")
    db.migrate(url, "relayer")
    return "relay_template"


@pytest.fixture
def relay_url(postgres_server: str, relay_template: str) -> Iterator[str]:
    name = f"relay_{next(_counter)}"
    yield postgres.ensure_database(postgres_server, name, template=relay_template)
    postgres.drop_database(postgres_server, name)


@pytest.fixture
async def world(relay_url: str) -> AsyncIterator[World]:
    """On a bare chain that mines a block for each transaction."""
    with local_chain.running() as rpc_url:
        async with a_world(relay_url, rpc_url) as made:
            yield made


@pytest.fixture
def other_chain(world: World) -> Iterator[str]:
    """A chain of the same id. Two empty ones differ by the second of their genesis, so it starts a second later."""
    time.sleep(1.1)
    with local_chain.running() as rpc_url:
        yield rpc_url


@pytest.fixture
async def flaky_node(world: World) -> AsyncIterator[FlakyNode]:
    async with FlakyNode(world.rpc_url) as node:
        yield node


@pytest.fixture(autouse=True)
def settled_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at what only waits to be final more often than a real chain needs."""
    monkeypatch.setattr("relayer.sender.SETTLING_SECONDS", 0.3)
