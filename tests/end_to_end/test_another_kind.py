"""Another kind of payment (`sponsorships`), on a platform whose other processes know nothing of it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from x402 import x402Client
from x402.http.clients.httpx import x402_httpx_transport
from x402.mechanisms.evm.exact import ExactEvmScheme

from api import settings
from api.app import ROUTERS, create_app
from api.tips import flushes, kinds
from deploy.local import chain
from ledger import db, ids
from tests.end_to_end import sponsorships
from tests.end_to_end.platform import Json, Platform


@dataclass(frozen=True)
class Sponsorship:
    id: uuid.UUID
    vault: str
    episode: Json
    """One that has the same creator and agent."""


@pytest.fixture(scope="module")
def sponsorship(platform: Platform) -> Sponsorship:
    episode, sponsorship_id = platform.an_episode(), uuid.uuid4()
    creator, agent = uuid.UUID(episode["creator_id"]), uuid.UUID(episode["agent_id"])
    ref = ids.ref_id(sponsorship_id)
    vault = platform.splitter.functions.vaultOf(ids.account_id(creator), ids.account_id(agent), ref).call()
    with db.connect(platform.database_url, autocommit=True) as connection:
        connection.execute(sponsorships.MIGRATION)
        connection.execute(
            "INSERT INTO app.sponsorship VALUES (%s, %s, %s, %s, %s, %s)",
            (sponsorship_id, "Robots drink oil", creator, agent, ref, bytes.fromhex(vault[2:])),
        )
    return Sponsorship(sponsorship_id, vault, episode)


@pytest.fixture
async def app(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    """A replica that has the kind, beside the platform's own API."""
    monkeypatch.setitem(kinds.KINDS, "sponsorship", sponsorships.SPONSORSHIP)
    for name, value in platform.environment.items():
        monkeypatch.setenv(name, value)
    app = create_app(settings.load(), routers=(*ROUTERS, sponsorships.router))
    async with app.router.lifespan_context(app):
        yield app


async def test_is_paid_by_a_stock_client_and_by_plain_transfers(
    platform: Platform, sponsorship: Sponsorship, app: FastAPI
) -> None:
    payer, client = platform.a_payer(), x402Client()
    client.register(f"eip155:{chain.CHAIN_ID}", ExactEvmScheme(payer))
    transport = x402_httpx_transport(client, httpx.ASGITransport(app))
    async with httpx.AsyncClient(transport=transport, base_url=platform.url, timeout=60) as http:
        url = f"/api/v1/sponsorships/{sponsorship.id}/payment?amount_micro_usdc=1000000"
        answer = await http.post(url)
    assert answer.status_code == 200, answer.text
    paid = answer.json()
    assert (paid["kind"], paid["payable_id"], paid["episode_id"]) == ("sponsorship", str(sponsorship.id), None)
    assert (paid["counts_for_episode"], paid["not_counted_because"]) == (False, "no_tip")
    assert {share["role"]: share["amount_micro_usdc"] for share in paid["shares"]} == {
        "creator": "800000",
        "platform": "190000",
        "agent": "10000",
    }
    assert [platform.balance(share["wallet"]) for share in paid["shares"] if share["role"] != "platform"] == [
        800_000,
        10_000,
    ]
    (listed,) = platform.get("/tips", payer=payer.address)["data"]
    assert (listed["settlement"]["tx_hash"], listed["kind"]) == (paid["settlement"]["tx_hash"], None), (
        "the platform's own API does not know the kind, and shows what the ledger says"
    )
    # A plain transfer to its vault is flushed, too.
    payer = platform.a_payer()
    platform.transact(platform.usdc.functions.transfer(sponsorship.vault, 700_000), payer)
    held = app.state.resources
    asked = 0
    for _ in range(300):
        async with held.database.begin() as session:
            asked += await flushes.flush_vaults(session, held.deployment)
        if asked:
            break
        await asyncio.sleep(0.1)
    assert asked == 1
    split = platform.until(lambda: platform.get("/tips", payer=payer.address)["data"], bool)
    assert [share["amount_micro_usdc"] for share in split[0]["shares"]] == ["560000", "133000", "7000"]


@pytest.mark.usefixtures("sponsorship")
async def test_what_is_not_there_is_no_payment(platform: Platform, app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=platform.url) as http:
        assert (await http.post(f"/api/v1/sponsorships/{uuid.uuid4()}/payment")).status_code == 404
