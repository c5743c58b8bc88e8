"""The API with one feature more: `probe`."""

from collections.abc import AsyncIterator

import httpx
import pytest

from api.app import ROUTERS
from tests.api.conftest import OpenClient
from tests.api.conventions.probe import router


@pytest.fixture
async def http(open_client: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(routers=[*ROUTERS, router]) as client:
        yield client


@pytest.fixture
async def replica(open_client: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    """Another process of the same platform."""
    async with open_client(routers=[*ROUTERS, router]) as client:
        yield client
