"""The world that every test may ask for: a real PostgreSQL, a real Valkey, a real Anvil with USDC and the splitter.

`postgres_url` is an empty database of the test's own; `database_url` one with every migration applied.
"""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import cache, postgres

_counter = itertools.count()


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder that other system users may enter: PostgreSQL will not run as root."""
    with tempfile.TemporaryDirectory(prefix="molt-tests-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_server(scratch: Path) -> Iterator[str]:
    with postgres.running(scratch / "postgres") as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database."""
    name = f"test_{next(_counter)}"
    yield postgres.ensure_database(postgres_server, name)
    postgres.drop_database(postgres_server, name)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> str:
    from ledger import db

    url = postgres.ensure_database(postgres_server, "migrated")
    for package in ("ledger", "relayer", "api"):
        db.migrate(url, package)
    return "migrated"


@pytest.fixture
def database_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """A database with all three schemas migrated."""
    name = f"test_{next(_counter)}"
    yield postgres.ensure_database(postgres_server, name, template=migrated_template)
    postgres.drop_database(postgres_server, name)


@pytest.fixture(scope="session")
def cache_server(scratch: Path) -> Iterator[str]:
    with cache.running(scratch / "valkey") as url:
        yield url


@pytest.fixture
def cache_url(cache_server: str) -> str:
    """A Valkey that is empty when the test starts."""
    import valkey

    valkey.Valkey.from_url(cache_server).flushall()
    return cache_server
