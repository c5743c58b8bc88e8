"""A database with the ledger's schema only."""

from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local import postgres
from ledger import db
from tests.ledger.books import Books, opened


@pytest.fixture(scope="session")
def ledger_template(postgres_server: str) -> str:
    db.migrate(postgres.ensure_database(postgres_server, "ledger_only"), "ledger")
    return "ledger_only"


@pytest.fixture
def ledger_url(postgres_server: str, ledger_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"ledger_{abs(hash(request.node.nodeid))}"
    yield postgres.ensure_database(postgres_server, name, template=ledger_template)
    postgres.drop_database(postgres_server, name)


@pytest.fixture
async def books(ledger_url: str) -> AsyncIterator[Books]:
    async with opened(ledger_url) as found:
        yield found
