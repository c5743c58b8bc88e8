"""What wallets are told of the chain; and that the faucet is a local thing."""

import httpx
import pytest

from api.settings import ApiSettings
from ledger import db
from tests.api.conftest import OpenClient
from tests.builders.accounts import a_wallet, problem
from tests.builders.deployments import NO_CHAIN


@pytest.fixture(autouse=True)
def minimum_is_known(database_url: str) -> None:
    """As the indexer has it after the deployment."""
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """INSERT INTO ledger.cursor (chain_id, splitter, usdc, start_number, head_number, head_hash,
                head_timestamp, safe_number, finalized_number, chain_head_number, status, epoch, updated_at)
            SELECT 84532, decode(repeat('11', 20), 'hex'), decode(repeat('22', 20), 'hex'), 1, 9,
                decode(repeat('33', 32), 'hex'), now(), 8, 7, 12, 'live', 1, now()"""
        )
        connection.execute(
            """INSERT INTO ledger.block (chain_id, number, hash, parent_hash, timestamp, has_events)
            SELECT 84532, 1, decode(repeat('44', 32), 'hex'), decode(repeat('55', 32), 'hex'), now(), true"""
        )
        connection.execute(
            """INSERT INTO ledger.contract_event (chain_id, block_number, log_index, tx_hash, name, args)
            SELECT 84532, 1, 0, decode(repeat('66', 32), 'hex'), 'MinTipSet', '{"minTip": "100000"}'"""
        )


async def test_chain_says_what_a_wallet_needs(http: httpx.AsyncClient) -> None:
    body = (await http.get("/api/v1/chain")).json()
    assert body["chain_id"] == 84532
    assert body["usdc"] == NO_CHAIN["usdc"]
    assert body["splitter_domain"] == {
        "name": "Molt Studios",
        "version": "1",
        "chainId": 84532,
        "verifyingContract": NO_CHAIN["splitter"],
    }
    assert body["minimum_tip_micro_usdc"] == "100000"
    assert (body["ledger"]["head_number"], body["ledger"]["finalized_number"], body["ledger"]["lag_blocks"]) == (
        9,
        7,
        3,
    )
    assert body["is_local"] is True
    assert body["rpc_url"] == "http://127.0.0.1:9"


async def test_real_chain_keeps_its_rpc_key_and_has_no_faucet(
    open_client: OpenClient, api_settings: ApiSettings
) -> None:
    api_settings.local_chain = False
    async with open_client() as http:
        body = (await http.get("/api/v1/chain")).json()
        assert body["rpc_url"] == "https://sepolia.base.org"
        answer = await http.post("/api/v1/dev/faucet", json={"address": a_wallet().address})
        assert problem(answer) == (404, "NOT_FOUND")


async def test_faucet_has_an_end(http: httpx.AsyncClient, database_url: str) -> None:
    for amount in ("0", "1000000001"):
        body = {"address": a_wallet().address, "amount_micro_usdc": amount}
        assert problem(await http.post("/api/v1/dev/faucet", json=body)) == (422, "INVALID_REQUEST")
    with db.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM relay.outbox").fetchone() == (0,)
