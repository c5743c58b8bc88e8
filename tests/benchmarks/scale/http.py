"""The same over HTTP: the real application, asked by the human whose account earned most."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import valkey

from api.app import create_app
from api.settings import ApiSettings
from ledger import db, ids
from tests.benchmarks.scale.market import CHAIN_ID, Market
from tests.benchmarks.scale.questions import Answered
from tests.builders.accounts import Somebody, a_human, an_agent

USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
ENDPOINTS = (
    "/api/v1/earnings?group_by=day",
    "/api/v1/earnings?group_by=series&since=2025-06-04T05:00:00Z",
    "/api/v1/payouts",
    "/api/v1/payouts/unclaimed",
    "/api/v1/wallet",
)
_TIMES = 40


@dataclass
class Served:
    """The application in this process, and a human with an agent: the market's first creator and first agent."""

    client: httpx.AsyncClient
    cache_url: str
    human: Somebody
    creator: bytes
    agent: bytes


@asynccontextmanager
async def serving(database_url: str, cache_url: str, scratch: Path) -> AsyncIterator[Served]:
    """The whole application but the socket."""
    app = create_app(_settings(database_url, cache_url, scratch))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver", timeout=60) as client:
            human = await a_human(client)
            agent = await an_agent(client, owner=human)
            accounts = (ids.account_id(UUID(each.id)) for each in (human, agent))
            yield Served(client, cache_url, human, *accounts)


def publish(database_url: str, market: Market, served: Served) -> None:
    """Tells the API of the market's episodes. Their scripts, studios and accounts are left out: no question needs them,
    so foreign keys are off for this connection."""
    with db.connect(database_url) as owner, owner.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        columns = "id, series_id, number, title, creator_id, agent_id, chain_id, vault"
        with cursor.copy(f"COPY app.episode ({columns}) FROM STDIN") as copy:
            for place, episode in enumerate(market.episodes):
                ref = bytes.fromhex(episode.ref[8:])
                vault = bytes.fromhex(episode.vault[8:]) if episode.vault else ref[-20:]
                pair = market.creators[episode.creator], market.agents[episode.agent]
                people = [ids.uuid_of(each) for each in pair]
                row = (ids.uuid_of(ref), UUID(int=place // 5), place % 5 + 1, "An episode", *people, CHAIN_ID, vault)
                copy.write_row(row)


async def measure(served: Served) -> dict[str, Answered]:
    """One request after the other, after one that warms up."""
    found = {}
    limits = valkey.Valkey.from_url(served.cache_url)
    for path in ENDPOINTS:
        taken = []
        for number in range(_TIMES + 1):
            limits.flushall()  # the limits per minute are not what is measured
            started = time.perf_counter()
            answer = await served.client.get(path, headers=served.human.headers)
            if number:
                taken.append((time.perf_counter() - started) * 1000)
            answer.raise_for_status()
        taken.sort()
        found[path] = Answered(taken[len(taken) // 2], taken[int(len(taken) * 0.99)], taken[-1])
    return found


def _settings(database_url: str, cache_url: str, scratch: Path) -> ApiSettings:
    """With contracts that stand nowhere, on a chain that does not answer: none of these questions asks it."""
    deployment = {
        "chainId": CHAIN_ID,
        "usdc": USDC,
        "usdcDomain": {"name": "USDC", "version": "2"},
        "splitter": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        "splitterDomain": {"name": "Molt Studios", "version": "1"},
        "deployedAtBlock": 1,
        "deploymentTx": None,
    }
    (scratch / "deployment.json").write_text(json.dumps(deployment))
    return ApiSettings.model_validate(
        {
            "API_DATABASE_URL": database_url,
            "cache_url": cache_url,
            "rpc_urls": "http://127.0.0.1:9",
            "chain_id": CHAIN_ID,
            "deployment_file": scratch / "deployment.json",
            "api_key_pepper": "5e" * 32,
            "local_chain": True,
            "database_pool_size": 4,
        }
    )
