"""Stock x402 clients tip an episode: one call, three wallets paid in one transaction, and never asked twice.

They go by this machine's clock: so these tests come before `test_sweep`, which moves the chain's by a month.
"""

import asyncio
import base64
import html
import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account.signers.local import LocalAccount
from x402 import x402Client
from x402.http.clients.httpx import x402HttpxClient
from x402.http.facilitator_client import HTTPFacilitatorClient
from x402.http.facilitator_client_base import FacilitatorConfig
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.schemas import PaymentPayload

from deploy.local import chain
from tests.end_to_end.platform import Json, Platform

NETWORK = f"eip155:{chain.CHAIN_ID}"
CLIENT = Path(__file__).with_name("x402_client.mjs")


@pytest.fixture(scope="module")
def episode(platform: Platform) -> Json:
    assert abs(platform.now() - time.time()) < 1800, "the chain's clock was moved: run these tests before those that do"
    return platform.an_episode()


@pytest.fixture
def payer(platform: Platform) -> LocalAccount:
    return platform.a_payer()


def decoded(header: str) -> Json:
    return dict(json.loads(base64.b64decode(header)))


def asked(platform: Platform, episode: Json, **params: str) -> httpx.Response:
    return platform.http.post(f"/episodes/{episode['id']}/tip", params=params)


def payment(platform: Platform, episode: Json, payer: LocalAccount, **params: str) -> dict[str, str]:
    """The header that the official client would send."""
    client = x402Client()
    client.register(NETWORK, ExactEvmScheme(payer))
    required = asked(platform, episode, **params).headers["PAYMENT-REQUIRED"]
    return asyncio.run(_signed(client, required))


async def _signed(client: x402Client, required: str) -> dict[str, str]:
    from x402.http.utils import decode_payment_required_header, encode_payment_signature_header

    payload = await client.create_payment_payload(decode_payment_required_header(required))
    return {"PAYMENT-SIGNATURE": encode_payment_signature_header(payload)}


def paid(platform: Platform, episode: Json, headers: dict[str, str], **params: str) -> httpx.Response:
    return platform.http.post(f"/episodes/{episode['id']}/tip", params=params, headers=headers)


def submitted_alone(platform: Platform, headers: dict[str, str]) -> Any:
    """Whoever saw the authorization submits it to USDC, without us."""
    payload = decoded(headers["PAYMENT-SIGNATURE"])["payload"]
    signed = payload["authorization"]
    call = platform.usdc.get_function_by_signature(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
    )
    return platform.transact(
        call(
            signed["from"],
            signed["to"],
            int(signed["value"]),
            int(signed["validAfter"]),
            int(signed["validBefore"]),
            signed["nonce"],
            payload["signature"],
        ),
        platform.cast.viewers[1],
    )


def test_the_official_python_client_tips(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    wallets = {share["role"]: share["wallet"] for share in platform.quote(episode)["shares"]}
    before = {role: platform.balance(wallet) for role, wallet in wallets.items()}

    async def tip() -> httpx.Response:
        client = x402Client()
        client.register(NETWORK, ExactEvmScheme(payer))
        async with x402HttpxClient(client, timeout=60) as http:
            url = f"{platform.url}/api/v1/episodes/{episode['id']}/tip"
            return await http.post(url, json={"amount_micro_usdc": "500000"})

    answer = asyncio.run(tip())
    assert answer.status_code == 200, answer.text
    receipt, said = decoded(answer.headers["PAYMENT-RESPONSE"]), answer.json()
    assert receipt == {
        "success": True,
        "payer": payer.address,
        "transaction": said["settlement"]["tx_hash"],
        "network": NETWORK,
        "amount": "500000",
    }
    mined = platform.w3.eth.get_transaction_receipt(receipt["transaction"])
    assert mined["status"] == 1
    assert platform.balance(payer.address) == 9_500_000
    paid_now = {role: platform.balance(wallet) - before[role] for role, wallet in wallets.items()}
    assert paid_now == {"creator": 400_000, "platform": 95_000, "agent": 5_000}
    assert {share["role"]: int(share["amount_micro_usdc"]) for share in said["shares"]} == paid_now
    (listed,) = platform.get("/tips", payer=payer.address)["data"]
    assert listed["settlement"]["tx_hash"] == receipt["transaction"]
    assert platform.balance(platform.quote(episode)["rails"]["transfer"]["vault"]) == 0


def test_the_official_typescript_client_tips(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    url = f"{platform.url}/api/v1/episodes/{episode['id']}/tip"
    ran = subprocess.run(
        ["node", str(CLIENT), url, NETWORK, "300000"],
        env={**os.environ, "PAYER_KEY": "0x" + payer.key.hex()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert (said["status"], said["receipt"]["success"]) == (200, True), said
    assert said["receipt"]["transaction"] == said["tip"]["settlement"]["tx_hash"]
    assert platform.balance(payer.address) == 9_700_000
    (listed,) = platform.get("/tips", payer=payer.address)["data"]
    assert listed["settlement"]["tx_hash"] == said["receipt"]["transaction"]


def test_what_is_asked_for_is_the_same_each_time_and_reads_in_both_versions(platform: Platform, episode: Json) -> None:
    answers = [asked(platform, episode, amount_micro_usdc="300000") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [402, 402]
    required = [decoded(answer.headers["PAYMENT-REQUIRED"]) for answer in answers]
    assert required[0] == required[1]
    (offered,), (version_1,) = required[0]["accepts"], answers[0].json()["accepts"]
    vault = platform.quote(episode)["rails"]["transfer"]["vault"]
    assert (offered["scheme"], offered["network"], offered["payTo"]) == ("exact", NETWORK, vault)
    assert (offered["amount"], offered["asset"]) == ("300000", chain.USDC)
    assert offered["extra"]["paymentFlow"] == "upfront"
    assert answers[0].json()["x402Version"] == 1
    assert (version_1["network"], version_1["payTo"], version_1["maxAmountRequired"]) == (
        "base-sepolia",
        vault,
        "300000",
    )
    assert answers[0].headers["Cache-Control"] == "no-store"


def test_a_browser_gets_a_page_and_a_get_moves_no_money(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    where, browser = f"/episodes/{episode['id']}/tip", {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    vault = platform.quote(episode)["rails"]["transfer"]["vault"]
    with httpx.Client(base_url=f"{platform.url}/api/v1") as http:
        page = http.get(where, headers=browser, params={"amount_micro_usdc": "300001"})
        assert (page.status_code, page.headers["Content-Type"]) == (402, "text/html; charset=utf-8")
        for shown in ("0.300001", "0.240001", "0.057", "0.003", vault, html.escape(episode["title"])):
            assert shown in page.text
        assert "PAYMENT-REQUIRED" in page.headers
    assert platform.http.get(where).json()["x402Version"] == 1
    before = platform.facts()
    answer = platform.http.get(where, headers=payment(platform, episode, payer))
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert platform.facts() == before


def test_version_1_pays_too(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    payload = decoded(payment(platform, episode, payer)["PAYMENT-SIGNATURE"])["payload"]
    version_1 = {"x402Version": 1, "scheme": "exact", "network": "base-sepolia", "payload": payload}
    header = base64.b64encode(json.dumps(version_1).encode()).decode()
    answer = paid(platform, episode, {"X-PAYMENT": header})
    assert answer.status_code == 200, answer.text
    receipt = decoded(answer.headers["X-PAYMENT-RESPONSE"])
    assert (receipt["success"], receipt["network"]) == (True, "base-sepolia")


def test_same_payment_fifty_times_at_once_is_one_tip(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    headers = payment(platform, episode, payer)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: paid(platform, episode, headers), range(50)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    settled = [answer.json()["settlement"]["tx_hash"] for answer in answers if answer.status_code == 200]
    assert len(set(settled)) == 1
    assert platform.balance(payer.address) == 9_750_000
    assert paid(platform, episode, headers).json()["settlement"]["tx_hash"] == settled[0]
    assert len(platform.get("/tips", payer=payer.address)["data"]) == 1


def test_an_idempotency_key_replays_the_same_payment_and_refuses_another(
    platform: Platform, episode: Json, payer: LocalAccount
) -> None:
    """The answer that is kept is the one of the commit: from one address, for keys belong to their caller."""
    key = {"Idempotency-Key": f"tip-{payer.address}", "X-Forwarded-For": "10.9.8.7"}
    first, second = (payment(platform, episode, payer) for _ in range(2))
    url = f"{platform.url}/api/v1/episodes/{episode['id']}/tip"
    answers = [httpx.post(url, headers={**first, **key}, timeout=30) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 202]
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert answers[1].json()["id"] == answers[0].json()["id"]
    assert platform.settled(answers[1].json()["id"])["tx_hash"] == answers[0].json()["tx_hash"]
    answer = httpx.post(url, headers={**second, **key}, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert platform.balance(payer.address) == 9_750_000


def test_front_run_payment_is_recognised(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    headers = payment(platform, episode, payer)
    submitted_alone(platform, headers)
    answer = paid(platform, episode, headers)
    assert answer.status_code == 200, answer.text
    assert decoded(answer.headers["PAYMENT-RESPONSE"])["success"]
    assert platform.balance(payer.address) == 9_750_000
    assert paid(platform, episode, headers).status_code == 200


def cancelled(platform: Platform, payer: LocalAccount, headers: dict[str, str]) -> None:
    """The payer takes the authorization back."""
    nonce = decoded(headers["PAYMENT-SIGNATURE"])["payload"]["authorization"]["nonce"]
    domain = {"name": "USDC", "version": "2", "chainId": chain.CHAIN_ID, "verifyingContract": chain.USDC}
    types = {"CancelAuthorization": [{"name": "authorizer", "type": "address"}, {"name": "nonce", "type": "bytes32"}]}
    signature = payer.sign_typed_data(domain, types, {"authorizer": payer.address, "nonce": nonce}).signature
    call = platform.usdc.get_function_by_signature("cancelAuthorization(address,bytes32,bytes)")
    platform.transact(call(payer.address, nonce, bytes(signature)), payer)


def test_cancelled_payment_is_refused(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    headers = payment(platform, episode, payer)
    cancelled(platform, payer, headers)
    answer = paid(platform, episode, headers)
    assert (answer.status_code, answer.json()["error"]) == (402, "authorization_cancelled")
    assert platform.balance(payer.address) == 10_000_000


def test_twenty_front_run_and_twenty_cancelled_lose_no_unit(platform: Platform) -> None:
    episode, payer = platform.an_episode(), platform.a_payer()
    wallets = [share["wallet"] for share in platform.quote(episode)["shares"]]
    before = sum(platform.balance(wallet) for wallet in wallets)
    signed = [payment(platform, episode, payer) for _ in range(40)]
    for headers in signed[20:]:
        cancelled(platform, payer, headers)
    for headers in signed[:20]:
        submitted_alone(platform, headers)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda headers: paid(platform, episode, headers), signed))
    assert [answer.status_code for answer in answers] == [200] * 20 + [402] * 20
    assert {answer.json()["error"] for answer in answers[20:]} == {"authorization_cancelled"}
    assert platform.balance(payer.address) == 10_000_000 - 20 * 250_000
    assert sum(platform.balance(wallet) for wallet in wallets) == before + 20 * 250_000
    assert platform.balance(platform.quote(episode)["rails"]["transfer"]["vault"]) == 0


def named(headers: dict[str, str], name: str) -> dict[str, str]:
    """With the payer's own name for the payment (extension `payment-identifier`)."""
    signed = decoded(headers["PAYMENT-SIGNATURE"])
    signed["extensions"]["payment-identifier"]["info"]["id"] = name
    return {"PAYMENT-SIGNATURE": base64.b64encode(json.dumps(signed).encode()).decode()}


def test_who_signs_anew_under_the_same_identifier_does_not_pay_anew(
    platform: Platform, episode: Json, payer: LocalAccount
) -> None:
    name = f"pay_{payer.address[2:]}"
    first, second = (named(payment(platform, episode, payer), name) for _ in range(2))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda headers: paid(platform, episode, headers), (first, second)))
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    assert len({answer.json()["settlement"]["tx_hash"] for answer in answers}) == 1
    assert platform.balance(payer.address) == 9_750_000
    more = named(payment(platform, episode, payer, amount_micro_usdc="300000"), name)
    answer = paid(platform, episode, more, amount_micro_usdc="300000")
    assert (answer.status_code, answer.json()["code"]) == (409, "PAYMENT_ID_REUSED")


# ----------------------------------------------------------------------------------------------------- the facilitator


def facilitated(platform: Platform, what: str, headers: dict[str, str]) -> Any:
    """By the official client of facilitators, for a shop of somebody else's."""

    async def call() -> Any:
        async with HTTPFacilitatorClient(FacilitatorConfig(url=f"{platform.url}/api/v1/x402")) as facilitator:
            payload = PaymentPayload.model_validate(decoded(headers["PAYMENT-SIGNATURE"]))
            return await getattr(facilitator, what)(payload, payload.accepted)

    return asyncio.run(call())


def test_others_settle_through_us_with_the_official_client(
    platform: Platform, episode: Json, payer: LocalAccount
) -> None:
    kinds = platform.get("/x402/supported")["kinds"]
    assert {(kind["x402Version"], kind["network"]) for kind in kinds} == {(2, NETWORK), (1, "base-sepolia")}
    headers = payment(platform, episode, payer)
    before = platform.facts()
    verified = facilitated(platform, "verify", headers)
    assert (verified.is_valid, verified.payer) == (True, payer.address)
    assert platform.facts() == before
    settled = facilitated(platform, "settle", headers)
    assert (settled.success, settled.network, settled.amount) == (True, NETWORK, "250000")
    assert platform.w3.eth.get_transaction_receipt(settled.transaction)["status"] == 1
    assert facilitated(platform, "settle", headers).transaction == settled.transaction
    assert platform.balance(payer.address) == 9_750_000
    assert facilitated(platform, "verify", headers).invalid_reason == "authorization_used"


def test_facilitator_takes_nothing_for_addresses_that_are_no_vaults(
    platform: Platform, episode: Json, payer: LocalAccount
) -> None:
    signed = decoded(payment(platform, episode, payer)["PAYMENT-SIGNATURE"])
    signed["accepted"]["payTo"] = signed["payload"]["authorization"]["to"] = payer.address
    headers = {"PAYMENT-SIGNATURE": base64.b64encode(json.dumps(signed).encode()).decode()}
    before = platform.facts()
    assert facilitated(platform, "verify", headers).invalid_reason == "invalid_payment_requirements"
    assert facilitated(platform, "settle", headers).error_reason == "invalid_payment_requirements"
    assert platform.facts() == before


# -------------------------------------------------------------------------------------------------- what is not taken


def _another_amount(signed: Json) -> None:
    signed["payload"]["authorization"]["value"] = "100000"


def _another_recipient(signed: Json) -> None:
    signed["payload"]["authorization"]["to"] = "0x" + "11" * 20


def _another_nonce(signed: Json) -> None:
    signed["payload"]["authorization"]["nonce"] = "0x" + "22" * 32


def _another_network(signed: Json) -> None:
    signed["accepted"]["network"] = "eip155:8453"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_another_amount, "authorization_value_mismatch"),
        (_another_recipient, "recipient_mismatch"),
        (_another_nonce, "invalid_signature"),
        (_another_network, "network_mismatch"),
    ],
)
def test_payment_that_was_not_asked_for_moves_nothing(
    platform: Platform, episode: Json, payer: LocalAccount, change: Callable[[Json], None], why: str
) -> None:
    signed = decoded(payment(platform, episode, payer)["PAYMENT-SIGNATURE"])
    change(signed)
    before = platform.facts()
    answer = paid(platform, episode, {"PAYMENT-SIGNATURE": base64.b64encode(json.dumps(signed).encode()).decode()})
    assert (answer.status_code, answer.json()["error"]) == (402, why)
    assert platform.facts() == before


@pytest.mark.parametrize("header", ["no base64", "bm8ganNvbg==", "W10=", "e30=", "eyJ4NDAyVmVyc2lvbiI6MX0="])
def test_header_that_cannot_be_read_is_the_clients_fault(platform: Platform, episode: Json, header: str) -> None:
    answer = paid(platform, episode, {"PAYMENT-SIGNATURE": header})
    assert (answer.status_code, answer.json()["code"]) == (400, "PAYMENT_MALFORMED")


def test_payer_without_money_is_asked_again(platform: Platform, episode: Json) -> None:
    poor = platform.a_payer(0)
    answer = paid(platform, episode, payment(platform, episode, poor))
    assert (answer.status_code, answer.json()["error"]) == (402, "insufficient_balance")


def test_below_the_minimum_nothing_is_asked_for(platform: Platform, episode: Json) -> None:
    for amount in ("99999", "0"):
        answer = asked(platform, episode, amount_micro_usdc=amount)
        assert (answer.status_code, answer.json()["code"]) == (422, "TIP_BELOW_MINIMUM")
