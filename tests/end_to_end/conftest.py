"""The platform as its users meet it: real processes over a real chain, database and cache.

MOLT_TEST_LOGS names a folder that keeps the processes' logs.
"""

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.local import accounts, cache, chain, postgres
from deploy.local.services import Service, Supervisor
from deploy.local.up import free_port
from tests.end_to_end.platform import Platform

EPOCH_BLOCKS = 4
READY_WITHIN_SECONDS = 90


@pytest.fixture(scope="session")
def platform(scratch: Path, postgres_server: str, migrated_template: str, deployed_chain: Path) -> Iterator[Platform]:
    """One platform for all tests of this folder: each makes its own accounts, episodes and payers."""
    with chain.running(load_state=deployed_chain / "state.json", epoch_blocks=EPOCH_BLOCKS) as rpc_url:
        databases = Databases(postgres_server, migrated_template)
        with a_platform(scratch / "end-to-end", databases, deployed_chain, rpc_url=rpc_url) as found:
            yield found


@dataclass(frozen=True)
class Databases:
    """Where to make one: the server, and the template that has every migration applied."""

    server: str
    template: str


@contextmanager
def a_platform(
    folder: Path, databases: Databases, deployed: Path, *, rpc_url: str, services_rpc_url: str | None = None
) -> Iterator[Platform]:
    """The four services over the chain at `rpc_url`; they reach it by `services_rpc_url` when that is another one."""
    folder.mkdir()
    with ExitStack() as stack:
        cache_url = stack.enter_context(cache.running(folder / "valkey"))
        name = folder.name.replace("-", "_")
        database_url = postgres.ensure_database(databases.server, name, template=databases.template)
        stack.callback(postgres.drop_database, databases.server, name)
        environment = {
            "DATABASE_URL": database_url,
            "CACHE_URL": cache_url,
            "RPC_URLS": services_rpc_url or rpc_url,
            "CHAIN_ID": str(chain.CHAIN_ID),
            "DEPLOYMENT_FILE": str(deployed / "deployment.json"),
            "MOLT_HOME": str(folder),
            "MOLT_PORT": str(free_port()),
            "API_KEY_PEPPER": secrets.token_hex(32),
            "OPERATOR_TOKEN": secrets.token_urlsafe(24),
            "LOCAL_CHAIN": "true",
            "LOG_FORMAT": "json",
            "INDEXER_POLL_SECONDS": "0.1",
            "RELAYER_POLL_SECONDS": "0.1",
        }
        environment["PUBLIC_URL"] = f"http://127.0.0.1:{environment['MOLT_PORT']}"
        stack.enter_context(_services(folder, environment))
        yield Platform(
            url=environment["PUBLIC_URL"],
            rpc_url=rpc_url,
            operator_token=environment["OPERATOR_TOKEN"],
            deployment_file=deployed / "deployment.json",
            database_url=database_url,
            environment=environment,
        )


@contextmanager
def _services(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    logs = Path(os.environ.get("MOLT_TEST_LOGS", folder))
    supervisor = Supervisor(logs, print)
    try:
        for name, command in (("indexer", "run"), ("relayer", "run"), ("api", "run"), ("worker", "worker")):
            module = "api" if name == "worker" else name
            keys = accounts.service_keys() if name == "relayer" else {}
            supervisor.start(Service(name, [sys.executable, "-m", module, command], environment | keys))
        _wait_until_ready(environment["PUBLIC_URL"], logs)
        yield
    finally:
        supervisor.stop()


def _wait_until_ready(url: str, logs: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    last = "no answer"
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{url}/api/v1/health/ready", timeout=2)
            if answer.status_code == httpx.codes.OK:
                return
            last = answer.text
        except httpx.TransportError as error:
            last = repr(error)
        time.sleep(0.2)
    tails = {log.name: log.read_text()[-1500:] for log in logs.glob("*.log")}
    pytest.fail(f"not ready: {last}\n{os.linesep.join(f'{name}: {tail}' for name, tail in tails.items())}")
