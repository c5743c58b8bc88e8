"""The world that every test may ask for: a real PostgreSQL, a real Valkey, a real Anvil with USDC and the splitter.

`postgres_url` is an empty database of the test's own; `database_url` one with every migration applied.
"""

import itertools
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from web3 import Web3
from xdist.scheduler import LoadScopeScheduling

from deploy.local import accounts, cache, postgres
from deploy.local import chain as local_chain

_counter = itertools.count()
_SHARING_A_PLATFORM = ("clients", "end_to_end")


class _ByPlatform(LoadScopeScheduling):
    """Where several processes test: a folder whose tests share a platform is one's work, and each file elsewhere."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::", maxsplit=1)[0])
        return str(file.parent if file.parent.name in _SHARING_A_PLATFORM else file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByPlatform(config, log)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder that other system users may enter: PostgreSQL will not run as root."""
    with tempfile.TemporaryDirectory(prefix="molt-tests-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_server(scratch: Path) -> Iterator[str]:
    """It may forget everything when the machine fails, and is faster for that."""
    with postgres.running(scratch / "postgres") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
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


@dataclass(frozen=True)
class Chain:
    """An Anvil of the test's own, with USDC and the splitter; mines a block for each transaction."""

    rpc_url: str
    deployment_file: Path
    cast: accounts.Cast
    w3: Web3

    @property
    def deployment(self) -> dict[str, Any]:
        return json.loads(self.deployment_file.read_text())

    def request(self, method: str, *params: Any) -> Any:
        """Anvil's own methods: `anvil_reorg`, `evm_increaseTime`, …"""
        return local_chain.request(self.w3, method, *params)

    def contract(self, name: str) -> Any:
        """`TipSplitter` or `FiatTokenV2_2`, where this chain has it."""
        abi = json.loads((local_chain.ROOT / "contracts/abi" / f"{name}.json").read_text())
        return self.w3.eth.contract(self.deployment["splitter"] if name == "TipSplitter" else local_chain.USDC, abi=abi)


@pytest.fixture(scope="session")
def deployed_chain(scratch: Path) -> Path:
    """A folder with the state of a chain where everything is deployed, and its deployment file."""
    folder = scratch / "chain"
    folder.mkdir()
    with local_chain.running(state=folder / "state.json") as url:
        local_chain.ensure_deployed(url, folder / "deployment.json")
    return folder


@pytest.fixture
def chain(deployed_chain: Path) -> Iterator[Chain]:
    with local_chain.running(load_state=deployed_chain / "state.json") as url:
        yield Chain(url, deployed_chain / "deployment.json", accounts.cast(), local_chain.connect(url))
