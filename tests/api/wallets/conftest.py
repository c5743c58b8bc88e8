"""The API on a chain of the test's own, with a relayer and an indexer at work beside it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local import accounts
from indexer import chain as indexer_rpc
from indexer import lead
from indexer.settings import Settings as IndexerSettings
from indexer.status import Status
from relayer import service as relayer
from relayer.settings import RelayerSettings
from tests.conftest import Chain


@pytest.fixture
def deployment_file(chain: Chain) -> Path:
    return chain.deployment_file


@pytest.fixture
def rpc_url(chain: Chain) -> str:
    return chain.rpc_url


@pytest.fixture
async def at_work(chain: Chain, database_url: str) -> AsyncIterator[None]:
    """Relayer and indexer, in this process."""
    relaying = RelayerSettings.model_validate(
        {
            "RELAYER_DATABASE_URL": database_url,
            "rpc_urls": chain.rpc_url,
            "relayer_poll_seconds": 0.1,
            **{name.lower(): key for name, key in accounts.service_keys().items()},
        }
    )
    mirroring = IndexerSettings.model_validate(
        {
            "database_url": database_url,
            "rpc_urls": chain.rpc_url,
            "chain_id": 84532,
            "deployment_file": chain.deployment_file,
            "poll_seconds": 0.1,
        }
    )
    stop = asyncio.Event()
    async with indexer_rpc.Chain(mirroring.rpc_urls) as mirrored:
        tasks = [
            asyncio.create_task(relayer.run(relaying)),
            asyncio.create_task(lead.run(mirroring, Status(), mirrored, stop)),
        ]
        yield
        stop.set()
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(ask: Callable[[], Awaitable[Any]], *, seconds: float = 30) -> Any:
    """What `ask` answers once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := await ask()):
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.1)
    return found
