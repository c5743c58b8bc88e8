"""A database with the relayer's schema, empty for each test."""

import itertools
from collections.abc import Iterator

import pytest

from deploy.local import postgres
from ledger import db

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
