"""From the proof to the chain and back through the ledger: relayer and indexer at work."""

from typing import Any

import httpx
import pytest
from procrastinate import App

from api import worker
from tests.api.wallets.conftest import until
from tests.builders.accounts import Somebody, a_human, a_wallet, an_agent, problem
from tests.builders.wallets import a_challenge, a_contract_wallet, prove, sign
from tests.conftest import Chain

pytestmark = pytest.mark.usefixtures("at_work")


async def in_state(http: httpx.AsyncClient, who: Somebody, wallet_id: str, state: str) -> dict[str, Any]:
    async def ask() -> dict[str, Any] | None:
        body = (await http.get(f"/api/v1/wallets/{wallet_id}", headers=who.headers)).json()
        return body if body["state"] == state else None

    return dict(await until(ask))


async def run_jobs(http: httpx.AsyncClient, *, tick: str) -> None:
    """One tick of that job."""
    held = http.app.state.resources  # type: ignore[attr-defined]
    async with worker.queue_app(held) as app:
        assert isinstance(app, App)
        await app.configure_task(tick, queue="molt").defer_async()
        await worker.run_waiting(app)


async def test_wallet_becomes_active_and_changes_by_both_signatures(http: httpx.AsyncClient, chain: Chain) -> None:
    agent, old, new = await an_agent(http), a_wallet(), a_wallet()
    first = (await prove(http, agent, old)).json()
    active = await in_state(http, agent, first["id"], "active")
    assert active["tx_hash"] is not None
    account_id = bytes.fromhex(agent.id.replace("-", "")).rjust(32, b"\0")
    assert chain.contract("TipSplitter").functions.walletOf(account_id).call() == [old.address, 1]

    params = {"address": old.address}
    again = await http.get("/api/v1/wallets/challenge", params=params, headers=agent.headers)
    assert problem(again) == (409, "WALLET_ALREADY_REGISTERED")

    challenge = await a_challenge(http, agent, new.address)
    assert (challenge["kind"], challenge["old_wallet"]) == ("rotate", old.address)
    proof = {"challenge": challenge["challenge"], "signature": sign(new, challenge["typed_data"])}
    refused = await http.post("/api/v1/wallets", json=proof, headers=agent.headers)
    assert problem(refused) == (409, "WALLET_ALREADY_REGISTERED")
    refused = await http.put(f"/api/v1/wallets/{first['id']}", json=proof, headers=agent.headers)
    assert problem(refused) == (403, "KEY_CANNOT_CHANGE_WALLET")
    forged = {**proof, "old_wallet_signature": sign(a_wallet(), challenge["rotation_typed_data"])}
    refused = await http.put(f"/api/v1/wallets/{first['id']}", json=forged, headers=agent.headers)
    assert problem(refused) == (422, "SIGNATURE_INVALID")
    both = {**proof, "old_wallet_signature": sign(old, challenge["rotation_typed_data"])}
    changed = await http.put(f"/api/v1/wallets/{first['id']}", json=both, headers=agent.headers)
    assert changed.status_code == 202, changed.text
    await in_state(http, agent, changed.json()["id"], "active")
    listed = (await http.get("/api/v1/wallets", headers=agent.headers)).json()["data"]
    assert [(each["address"], each["state"]) for each in listed] == [(new.address, "active"), (old.address, "replaced")]


async def test_change_without_the_old_wallet_waits_48_hours(http: httpx.AsyncClient, chain: Chain) -> None:
    human, old, new = await a_human(http), a_wallet(), a_wallet()
    first = (await prove(http, human, old)).json()
    await in_state(http, human, first["id"], "active")
    challenge = await a_challenge(http, human, new.address)
    proof = {"challenge": challenge["challenge"], "signature": sign(new, challenge["typed_data"])}
    changed = (await http.put(f"/api/v1/wallets/{first['id']}", json=proof, headers=human.headers)).json()
    waiting = await in_state(http, human, changed["id"], "waiting")
    assert waiting["ready_at"] is not None
    assert (await in_state(http, human, first["id"], "active"))["address"] == old.address

    await run_jobs(http, tick="wallets.confirm_rotations")  # too early: nothing happens
    chain.request("evm_increaseTime", 48 * 3600 + 1)
    chain.request("evm_mine")

    async def ledger_is_there() -> bool:
        ledger = (await http.get("/api/v1/chain")).json()["ledger"]
        return bool(ledger["head_number"] >= chain.w3.eth.block_number)

    await until(ledger_is_there)
    await run_jobs(http, tick="wallets.confirm_rotations")
    await in_state(http, human, changed["id"], "active")
    await in_state(http, human, first["id"], "replaced")


async def test_key_cannot_replace_a_revoked_wallet(http: httpx.AsyncClient, chain: Chain) -> None:
    agent, old = await an_agent(http), a_wallet()
    first = (await prove(http, agent, old)).json()
    await in_state(http, agent, first["id"], "active")
    splitter, account_id = chain.contract("TipSplitter"), bytes.fromhex(agent.id.replace("-", "")).rjust(32, b"\0")
    admin = chain.cast.admin
    revoked = splitter.functions.revoke(account_id).build_transaction(
        {"from": admin.address, "nonce": chain.w3.eth.get_transaction_count(admin.address)}
    )
    chain.w3.eth.send_raw_transaction(admin.sign_transaction(revoked).raw_transaction)
    await in_state(http, agent, first["id"], "revoked")
    assert problem(await prove(http, agent, a_wallet())) == (403, "KEY_CANNOT_CHANGE_WALLET")


async def test_wallet_that_does_not_exist_yet_is_deployed_first(http: httpx.AsyncClient, chain: Chain) -> None:
    agent, wallet = await an_agent(http), a_contract_wallet()
    challenge = await a_challenge(http, agent, wallet.address)
    proof = {
        "challenge": challenge["challenge"],
        "signature": wallet.sign_before_it_exists(challenge["typed_data"]),
    }
    answer = await http.post("/api/v1/wallets", json=proof, headers=agent.headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "pending"

    async def exists() -> bool:
        return bool(chain.w3.eth.get_code(wallet.address))  # type: ignore[arg-type]

    await until(exists)

    async def registered() -> bool:
        await run_jobs(http, tick="wallets.register_deployed")
        body = (await http.get(f"/api/v1/wallets/{answer.json()['id']}", headers=agent.headers)).json()
        return bool(body["state"] == "active")

    await until(registered)


async def test_deployment_that_makes_no_wallet_holds_up_nobody_for_ever(http: httpx.AsyncClient, chain: Chain) -> None:
    agent, wallet = await an_agent(http), a_contract_wallet()
    challenge = await a_challenge(http, agent, wallet.address)
    signature = wallet.sign_before_it_exists(challenge["typed_data"])
    proof = {"challenge": challenge["challenge"], "signature": signature}
    assert (await http.post("/api/v1/wallets", json=proof, headers=agent.headers)).status_code == 201

    async def exists() -> bool:
        return bool(chain.w3.eth.get_code(wallet.address))  # type: ignore[arg-type]

    await until(exists)
    chain.request("anvil_setCode", wallet.address, "0x")
    await run_jobs(http, tick="wallets.register_deployed")
    assert problem(await prove(http, agent, a_wallet())) == (409, "WALLET_CHANGE_PENDING")
    chain.request("evm_increaseTime", 3601)
    chain.request("evm_mine")
    another = await prove(http, agent, a_wallet())
    assert another.status_code == 201, another.text
    await in_state(http, agent, another.json()["id"], "active")


async def test_refusal_of_the_chain_is_told(http: httpx.AsyncClient, chain: Chain) -> None:
    splitter, pauser = chain.contract("TipSplitter"), chain.cast.pauser
    frozen = splitter.functions.freezeRegistration().build_transaction(
        {"from": pauser.address, "nonce": chain.w3.eth.get_transaction_count(pauser.address)}
    )
    chain.w3.eth.send_raw_transaction(pauser.sign_transaction(frozen).raw_transaction)
    agent = await an_agent(http)
    wallet = (await prove(http, agent, a_wallet())).json()
    refused = await in_state(http, agent, wallet["id"], "refused")
    assert refused["refusal"]["code"] == "RegistrationIsFrozen"


async def test_faucet_gives_usdc_and_gas(http: httpx.AsyncClient, chain: Chain) -> None:
    wallet = a_wallet()
    answer = await http.post("/api/v1/dev/faucet", json={"address": wallet.address, "amount_micro_usdc": "2500000"})
    assert answer.status_code == 202, answer.text

    async def done() -> bool:
        return bool((await http.get(answer.headers["location"])).json()["done"])

    await until(done)
    assert chain.contract("FiatTokenV2_2").functions.balanceOf(wallet.address).call() == 2_500_000
    assert chain.w3.eth.get_balance(wallet.address) == 10**17
