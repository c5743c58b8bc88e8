"""docs/wallets.md through the API: which wallets pay gasless, which are paid, and what refusals say."""

from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from tests.builders import delegations
from tests.builders.safes import Safe, Safes
from tests.end_to_end.platform import Agent, Json, Platform


@pytest.fixture(scope="module")
def episode(platform: Platform) -> Json:
    return platform.an_episode()


@pytest.fixture(scope="module")
def safes(platform: Platform) -> Safes:
    return Safes.installed(platform.w3)


def quoted(platform: Platform, episode: Json, payer: str, rail: str) -> Json:
    params = {"amount_micro_usdc": "250000", "payer": payer}
    return dict(platform.get(f"/episodes/{episode['id']}/tip-quote", **params)["rails"][rail])


def signed(offered: Json, signature: str) -> Json:
    return {**offered["submit"]["body"], "signature": signature}


def key_signs(wallet: LocalAccount, typed_data: Json) -> str:
    return str(wallet.sign_message(encode_typed_data(full_message=typed_data)).signature.to_0x_hex())


def with_usdc(platform: Platform, safe: Safe) -> Safe:
    platform.transact(platform.usdc.functions.mint(safe.address, 1_000_000), platform.cast.faucet)
    return safe


def register(platform: Platform, agent: Agent, address: str, sign: Any) -> str:
    """The account's wallet, by its own signature; the id of it once it is active."""
    challenge = platform.http.get("/wallets/challenge", params={"address": address}, headers=agent.headers).json()
    proof = {"challenge": challenge["challenge"], "signature": sign(challenge["typed_data"])}
    answer = platform.post("/wallets", proof, headers=agent.headers)
    assert answer.status_code == 201, answer.text
    wallet_id = answer.json()["id"]
    platform.until(
        lambda: platform.get(f"/wallets/{wallet_id}", agent=agent), lambda wallet: wallet["state"] == "active"
    )
    return str(wallet_id)


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_safe_pays_gasless(platform: Platform, episode: Json, safes: Safes, rail: str) -> None:
    safe = with_usdc(platform, safes.a_safe())
    safe.deploy(platform.w3)
    offered = quoted(platform, episode, safe.address, rail)
    (one, _) = safe.owners
    refused = platform.post("/tips/authorizations", signed(offered, key_signs(one, offered["typed_data"])))
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_SIGNATURE")
    assert "ERC-1271" in refused.json()["detail"]
    answer = platform.post("/tips/authorizations", signed(offered, safe.sign(offered["typed_data"])))
    assert answer.status_code == 202, answer.text
    assert platform.settled(answer.json()["id"])["payer"] == safe.address
    assert platform.balance(safe.address) == 750_000


def test_safe_that_does_not_exist_yet_pays_once_it_does(platform: Platform, episode: Json, safes: Safes) -> None:
    """The very same submission, still wrapped: we take the wrapper off."""
    safe = with_usdc(platform, safes.a_safe())
    offered = quoted(platform, episode, safe.address, "authorization")
    body = signed(offered, safe.sign_before_it_exists(offered["typed_data"]))
    refused = platform.post("/tips/authorizations", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_SIGNATURE")
    assert "ERC-6492" in refused.json()["detail"]
    assert "Deploy the wallet" in refused.json()["hint"]
    safe.deploy(platform.w3)
    answer = platform.post("/tips/authorizations", body)
    assert answer.status_code == 202, answer.text
    assert platform.settled(answer.json()["id"])["payer"] == safe.address


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_delegated_account_pays_gasless_by_its_key(platform: Platform, episode: Json, rail: str) -> None:
    payer = platform.a_payer(1_000_000)
    code = delegations.deploy(platform.w3, delegations.ANSWERS_FOR_ITS_KEY)
    delegations.delegate(platform.w3, payer, code)
    offered = quoted(platform, episode, payer.address, rail)
    answer = platform.post("/tips/authorizations", signed(offered, key_signs(payer, offered["typed_data"])))
    assert answer.status_code == 202, answer.text
    assert platform.settled(answer.json()["id"])["payer"] == payer.address


def test_delegated_account_whose_code_says_nothing_pays_otherwise(platform: Platform, episode: Json) -> None:
    """Its key's signature counts again as soon as the delegation has ended."""
    payer = platform.a_payer(1_000_000)
    delegations.delegate(platform.w3, payer, delegations.deploy(platform.w3, delegations.SAYS_NOTHING))
    offered = quoted(platform, episode, payer.address, "authorization")
    body = signed(offered, key_signs(payer, offered["typed_data"]))
    refused = platform.post("/tips/authorizations", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_SIGNATURE")
    assert "EIP-7702" in refused.json()["detail"]
    assert "`approve`" in refused.json()["hint"]
    for call in quoted(platform, episode, payer.address, "approve")["calls"]:
        platform.send(call, payer)
    assert platform.balance(payer.address) == 750_000
    delegations.delegate(platform.w3, payer, delegations.NOBODY)
    answer = platform.post("/tips/authorizations", body)
    assert answer.status_code == 202, answer.text
    platform.settled(answer.json()["id"])
    assert platform.balance(payer.address) == 500_000


def test_safe_that_does_not_exist_yet_is_registered_and_paid(platform: Platform, safes: Safes) -> None:
    """We deploy it; what was held for its account goes to it."""
    agent, safe = platform.an_agent(), safes.a_safe()
    pilot = platform.a_series(agent)["episodes"][0]
    payer = platform.a_payer()
    held = platform.post("/tips/authorizations", _paid_by(platform, pilot, payer)).json()
    platform.settled(held["id"])
    challenge = platform.http.get("/wallets/challenge", params={"address": safe.address}, headers=agent.headers).json()
    bare = {"challenge": challenge["challenge"], "signature": safe.sign(challenge["typed_data"])}
    refused = platform.post("/wallets", bare, headers=agent.headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "SIGNATURE_INVALID")
    assert "ERC-6492" in refused.json()["hint"]
    register(platform, agent, safe.address, safe.sign_before_it_exists)
    platform.until(lambda: platform.balance(safe.address), lambda balance: balance == 2_500)
    platform.settled(platform.post("/tips/authorizations", _paid_by(platform, pilot, payer)).json()["id"])
    assert platform.balance(safe.address) == 5_000


def test_delegated_account_is_registered_by_its_key_and_paid(platform: Platform) -> None:
    """Whatever its code says: wallets are asked for their key first."""
    agent, wallet = platform.an_agent(), platform.a_payer(0)
    delegations.delegate(platform.w3, wallet, delegations.deploy(platform.w3, delegations.SAYS_NOTHING))
    register(platform, agent, wallet.address, lambda typed_data: key_signs(wallet, typed_data))
    pilot = platform.a_series(agent)["episodes"][0]
    tip = platform.post("/tips/authorizations", _paid_by(platform, pilot, platform.a_payer())).json()
    platform.settled(tip["id"])
    assert platform.balance(wallet.address) == 2_500


def _paid_by(platform: Platform, episode: Json, payer: LocalAccount) -> Json:
    return platform.signed_submission(platform.quote(episode, payer=payer)["rails"]["authorization"], payer)
