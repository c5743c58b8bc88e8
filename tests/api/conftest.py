"""The API over HTTP, in this process, on a real Postgres and a real Valkey."""

import json
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import SecretStr

from api import log
from api.app import ROUTERS, create_app
from api.db import Database
from api.settings import ApiSettings
from tests.api.described import Described
from tests.builders.deployments import NO_CHAIN
from tests.builders.town import Town
from tests.ledger import books as builders
from tests.ledger.books import Books

OPERATOR_TOKEN = "operator-token-of-the-tests-0123456789"

OpenClient = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """As in production: structlog's own default draws every local variable of a traceback."""
    log.configure(level="WARNING", form="json")


@pytest.fixture
def deployment_file(tmp_path: Path) -> Path:
    """Contracts that stand nowhere; tests that need a chain override it."""
    path = tmp_path / "84532.json"
    path.write_text(json.dumps(NO_CHAIN))
    return path


@pytest.fixture
def rpc_url() -> str:
    """A chain that does not answer."""
    return "http://127.0.0.1:9"


@pytest.fixture
def api_settings(database_url: str, cache_url: str, rpc_url: str, deployment_file: Path) -> ApiSettings:
    return ApiSettings.model_validate(
        {
            "API_DATABASE_URL": database_url,
            "cache_url": cache_url,
            "rpc_urls": rpc_url,
            "deployment_file": deployment_file,
            "api_key_pepper": SecretStr("5e" * 32),
            "operator_token": SecretStr(OPERATOR_TOKEN),
            "local_chain": True,
            "database_pool_size": 4,
        }
    )


@pytest.fixture
def open_client(api_settings: ApiSettings) -> OpenClient:
    """`async with open_client() as http:`; each is a replica of its own."""

    @asynccontextmanager
    async def opened(*, routers: Sequence[APIRouter] = ROUTERS, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(api_settings, routers=routers)
        async with serving(app, features=tuple(map(id, routers)), **options) as http:
            yield http

    return opened


@pytest.fixture
async def http(open_client: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as client:
        yield client


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    found = Database(database_url, pool_size=2)
    yield found
    await found.close()


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with builders.opened(database_url) as found:
        yield found


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    """Agents and scripts written into the database, without asking anybody."""
    found = Town(database_url)
    yield found
    found.connection.close()


@asynccontextmanager
async def serving(app: FastAPI, *, features: Hashable, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, between its startup and its shutdown. Undeclared answers fail the test."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        hooks = {"response": [Described(app, features).check]}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver", event_hooks=hooks, **options
        ) as client:
            client.app = app  # type: ignore[attr-defined]
            yield client
