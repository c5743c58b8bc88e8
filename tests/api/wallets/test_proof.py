"""Who may choose a wallet, what proves it, and that nothing bad reaches the chain."""

from typing import Any

import httpx
import pytest

from api.settings import ApiSettings
from ledger import db
from tests.api.conftest import OpenClient
from tests.builders.accounts import a_claimed_agent, a_human, a_wallet, an_agent, problem
from tests.builders.wallets import a_challenge, a_contract_wallet, prove, sign
from tests.conftest import Chain


@pytest.fixture(autouse=True)
def nothing_reaches_the_chain_by_accident(database_url: str) -> Any:
    """After a refusal, the outbox and the wallets are as they were."""
    yield
    with db.connect(database_url) as connection:
        sent = connection.execute("SELECT count(*) FROM relay.outbox").fetchone()
        wallets = connection.execute("SELECT count(*) FROM app.wallet").fetchone()
        audited = connection.execute("SELECT count(*) FROM app.audit_event WHERE action LIKE 'wallet.%'").fetchone()
    assert sent == wallets == audited


async def test_agents_wallet_is_pending_once_proved(http: httpx.AsyncClient) -> None:
    agent, wallet = await an_agent(http), a_wallet()
    answer = await prove(http, agent, wallet)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["state"], body["role"], body["address"]) == ("pending", "agent", wallet.address)
    assert body["account_id"] == agent.id
    assert answer.headers["location"] == f"/api/v1/wallets/{body['id']}"


async def test_creators_wallet_is_the_humans_choice_only(http: httpx.AsyncClient) -> None:
    human, wallet = await a_human(http), a_wallet()
    agent = await a_claimed_agent(http, human)
    creator_id = agent.body["agent"]["creator_id"]
    params = {"address": wallet.address, "account_id": creator_id}
    refused = await http.get("/api/v1/wallets/challenge", params=params, headers=agent.headers)
    assert problem(refused) == (404, "PAYOUT_ACCOUNT_NOT_FOUND")
    stranger = await a_human(http)
    refused = await http.get("/api/v1/wallets/challenge", params=params, headers=stranger.headers)
    assert problem(refused) == (404, "PAYOUT_ACCOUNT_NOT_FOUND")
    assert (await prove(http, human, wallet, account_id=creator_id)).status_code == 201
    assert (await prove(http, human, wallet, account_id=agent.id)).status_code == 201


async def test_unclaimed_agent_does_not_choose_its_creators_wallet(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    params = {"address": a_wallet().address, "account_id": agent.body["agent"]["creator_id"]}
    refused = await http.get("/api/v1/wallets/challenge", params=params, headers=agent.headers)
    assert problem(refused) == (404, "PAYOUT_ACCOUNT_NOT_FOUND")


async def test_human_with_several_accounts_says_which(http: httpx.AsyncClient) -> None:
    human = await a_human(http)
    assert (await prove(http, human, a_wallet())).status_code == 201  # with one account, it is that
    other = await a_human(http)
    agent = await a_claimed_agent(http, other)
    params = {"address": a_wallet().address}
    refused = await http.get("/api/v1/wallets/challenge", params=params, headers=other.headers)
    assert problem(refused) == (422, "ACCOUNT_AMBIGUOUS")
    listed = {each["account_id"] for each in refused.json()["accounts"]}
    assert listed == {other.id, agent.id, agent.body["agent"]["creator_id"]}


async def test_signature_by_another_key(http: httpx.AsyncClient) -> None:
    agent, wallet = await an_agent(http), a_wallet()
    challenge = await a_challenge(http, agent, wallet.address)
    proof = {"challenge": challenge["challenge"], "signature": sign(a_wallet(), challenge["typed_data"])}
    assert problem(await http.post("/api/v1/wallets", json=proof, headers=agent.headers)) == (422, "SIGNATURE_INVALID")


async def test_terms_changed_after_signing(http: httpx.AsyncClient) -> None:
    agent, wallet = await an_agent(http), a_wallet()
    challenge = await a_challenge(http, agent, wallet.address)
    typed = challenge["typed_data"]
    typed["message"]["deadline"] = str(int(typed["message"]["deadline"]) + 1)
    proof = {"challenge": challenge["challenge"], "signature": sign(wallet, typed)}
    assert problem(await http.post("/api/v1/wallets", json=proof, headers=agent.headers)) == (422, "SIGNATURE_INVALID")


async def test_signature_for_another_chain_says_so(http: httpx.AsyncClient) -> None:
    agent, wallet = await an_agent(http), a_wallet()
    challenge = await a_challenge(http, agent, wallet.address)
    typed = challenge["typed_data"]
    typed["domain"]["chainId"] = 8453
    proof = {"challenge": challenge["challenge"], "signature": sign(wallet, typed)}
    refused = await http.post("/api/v1/wallets", json=proof, headers=agent.headers)
    assert problem(refused) == (422, "WRONG_CHAIN")
    assert "8453" in refused.json()["detail"]
    refused = await http.post("/api/v1/wallets", json={**proof, "chain_id": 8453}, headers=agent.headers)
    assert problem(refused) == (422, "WRONG_CHAIN")


async def test_challenge_works_once(http: httpx.AsyncClient) -> None:
    agent, wallet = await an_agent(http), a_wallet()
    challenge = await a_challenge(http, agent, wallet.address)
    proof = {"challenge": challenge["challenge"], "signature": sign(wallet, challenge["typed_data"])}
    assert (await http.post("/api/v1/wallets", json=proof, headers=agent.headers)).status_code == 201
    assert problem(await http.post("/api/v1/wallets", json=proof, headers=agent.headers)) == (409, "CHALLENGE_USED")


async def test_retry_with_the_same_key_gets_the_first_answer(http: httpx.AsyncClient) -> None:
    agent, wallet = await an_agent(http), a_wallet()
    challenge = await a_challenge(http, agent, wallet.address)
    proof = {"challenge": challenge["challenge"], "signature": sign(wallet, challenge["typed_data"])}
    headers = {**agent.headers, "Idempotency-Key": "8c5f"}
    first = await http.post("/api/v1/wallets", json=proof, headers=headers)
    again = await http.post("/api/v1/wallets", json=proof, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert again.headers["idempotency-replayed"] == "true"


async def test_expired_challenge(http: httpx.AsyncClient, chain: Chain) -> None:
    agent, wallet = await an_agent(http), a_wallet()
    challenge = await a_challenge(http, agent, wallet.address)
    proof = {"challenge": challenge["challenge"], "signature": sign(wallet, challenge["typed_data"])}
    chain.request("evm_increaseTime", 901)
    chain.request("evm_mine")
    assert problem(await http.post("/api/v1/wallets", json=proof, headers=agent.headers)) == (422, "CHALLENGE_EXPIRED")


async def test_somebody_elses_or_an_invented_challenge(http: httpx.AsyncClient) -> None:
    agent, other, wallet = await an_agent(http), await an_agent(http), a_wallet()
    challenge = await a_challenge(http, agent, wallet.address)
    signature = sign(wallet, challenge["typed_data"])
    token = challenge["challenge"]
    for who, sent in ((other, token), (agent, token[:-2] + "AA"), (agent, ""), (agent, "AAAA"), (agent, "%%%")):
        refused = await http.post(
            "/api/v1/wallets", json={"challenge": sent, "signature": signature}, headers=who.headers
        )
        assert problem(refused) == (422, "CHALLENGE_INVALID")


async def test_second_registration_waits_for_the_first(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    assert (await prove(http, agent, a_wallet())).status_code == 201
    assert problem(await prove(http, agent, a_wallet())) == (409, "WALLET_CHANGE_PENDING")


async def test_address_that_can_be_no_wallet(http: httpx.AsyncClient, chain: Chain) -> None:
    agent = await an_agent(http)
    for address in ("0x" + "00" * 20, chain.deployment["usdc"], chain.deployment["splitter"]):
        refused = await http.get("/api/v1/wallets/challenge", params={"address": address}, headers=agent.headers)
        assert problem(refused) == (422, "INVALID_WALLET")


async def test_key_without_the_scope(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    narrow = (await http.post("/api/v1/keys", json={"scopes": []}, headers=agent.headers)).json()["api_key"]
    headers = {"Authorization": f"Bearer {narrow}"}
    proof = {"challenge": "x", "signature": "0x00"}
    assert problem(await http.post("/api/v1/wallets", json=proof, headers=headers)) == (403, "MISSING_SCOPE")


async def test_contract_wallet_answers_for_itself(http: httpx.AsyncClient, chain: Chain) -> None:
    agent, wallet = await an_agent(http), a_contract_wallet()
    wallet.deploy(chain.w3)
    challenge = await a_challenge(http, agent, wallet.address)
    wrong = {"challenge": challenge["challenge"], "signature": sign(a_wallet(), challenge["typed_data"])}
    refused = await http.post("/api/v1/wallets", json=wrong, headers=agent.headers)
    assert problem(refused) == (422, "SIGNATURE_INVALID")
    proof = {"challenge": challenge["challenge"], "signature": wallet.sign(challenge["typed_data"])}
    assert (await http.post("/api/v1/wallets", json=proof, headers=agent.headers)).status_code == 201


async def test_chain_that_does_not_answer(open_client: OpenClient, api_settings: ApiSettings) -> None:
    from pydantic import SecretStr

    api_settings.rpc_urls = [SecretStr("http://127.0.0.1:9")]
    async with open_client() as http:
        agent = await an_agent(http)
        params = {"address": a_wallet().address}
        refused = await http.get("/api/v1/wallets/challenge", params=params, headers=agent.headers)
        assert problem(refused) == (503, "CHAIN_UNAVAILABLE")
