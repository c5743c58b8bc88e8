"""A database of a benchmark's own, an API on it in this process or in others. Nothing of it outlives the `with`."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from api.settings import ApiSettings
from deploy.local import cache, postgres, up
from ledger import db
from tests.builders.deployments import NO_CHAIN

Process = subprocess.Popen[bytes]
_PEPPER = "5e" * 32
_START_SECONDS = 60


@contextmanager
def platform(name: str) -> Iterator[tuple[str, ApiSettings]]:
    """A migrated database and how the API finds it. The clock of voting may be moved when `name` begins with `sim_`."""
    with tempfile.TemporaryDirectory(prefix="molt-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL does not run as root
        deployment = Path(folder) / "84532.json"
        deployment.write_text(json.dumps(NO_CHAIN))
        with postgres.running(Path(folder) / "postgres") as server, cache.running(Path(folder) / "valkey") as valkey:
            url = postgres.ensure_database(server, name)
            for package in ("ledger", "relayer", "api"):
                db.migrate(url, package)
            yield (
                url,
                ApiSettings.model_validate(
                    {
                        "API_DATABASE_URL": url,
                        "cache_url": valkey,
                        "rpc_urls": "http://127.0.0.1:9",
                        "deployment_file": deployment,
                        "api_key_pepper": SecretStr(_PEPPER),
                        "local_chain": True,
                        "database_pool_size": 10,
                    }
                ),
            )


def serve(settings: ApiSettings, *module: str, port: int | None = None, wait: bool = True) -> tuple[int, Process]:
    """`python -m …` (the API, unless told) on that database, as a process of its own: its port, and the process."""
    port = port or up.free_port()
    environment = {
        **os.environ,
        "API_DATABASE_URL": settings.database_url,
        "DATABASE_URL": settings.database_url,
        "CACHE_URL": settings.cache_url,
        "RPC_URLS": "http://127.0.0.1:9",
        "DEPLOYMENT_FILE": str(settings.deployment_file),
        "API_KEY_PEPPER": _PEPPER,
        "LOCAL_CHAIN": "true",
        "LOG_LEVEL": "ERROR",
        "MOLT_PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, "-m", *(module or ("api", "run"))], env=environment)
    until = time.monotonic() + _START_SECONDS
    while wait:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=2)
            break
        except httpx.TransportError:
            if time.monotonic() > until:
                process.kill()
                raise
            time.sleep(0.1)
    return port, process
