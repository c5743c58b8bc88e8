"""Whatever is wrong gets its code and a hint over HTTP, and leaves chain and ledger as they were."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from ledger import db
from tests.end_to_end.platform import Agent, Json, Platform

MINUTE = 60


@pytest.fixture(scope="module")
def agent(platform: Platform) -> Agent:
    """Creator and agent can receive, so that nothing is held, claimed or swept behind a test's back."""
    author = platform.an_agent()
    platform.register_wallet(author.creator_id, Account.create())
    platform.register_wallet(author.id, Account.create())
    return author


@pytest.fixture(scope="module")
def episodes(platform: Platform, agent: Agent) -> list[Json]:
    return list(platform.a_series(agent)["episodes"])


@pytest.fixture(scope="module")
def episode(episodes: list[Json]) -> Json:
    return episodes[0]


@pytest.fixture
def payer(platform: Platform) -> LocalAccount:
    return platform.a_payer()


@contextmanager
def nothing_changes(platform: Platform) -> Iterator[None]:
    before = platform.facts()
    yield
    assert platform.facts() == before


def refused(answer: httpx.Response, status: int, code: str) -> Json:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: Json = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["hint"]
    return body


def submit(platform: Platform, body: Json) -> httpx.Response:
    return platform.post("/tips/authorizations", body)


# ------------------------------------------------------------------------------------------------------- what is paid


def test_below_minimum(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    with nothing_changes(platform):
        params = {"amount_micro_usdc": "99999"}
        asked = platform.http.get(f"/episodes/{episode['id']}/tip-quote", params=params)
        assert refused(asked, 422, "TIP_BELOW_MINIMUM")["minimum_micro_usdc"] == "100000"
        body = signed_anew(platform, episode, payer, amount=99_999)
        refused(submit(platform, body), 422, "TIP_BELOW_MINIMUM")


def test_unknown_episode(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    nowhere = str(uuid.uuid4())
    body = signed(platform, episode, payer)
    with nothing_changes(platform):
        refused(platform.http.get(f"/episodes/{nowhere}/tip-quote"), 404, "EPISODE_NOT_FOUND")
        refused(submit(platform, body | {"episode_id": nowhere}), 404, "EPISODE_NOT_FOUND")
        refused(platform.http.get(f"/episodes/{nowhere}"), 404, "EPISODE_NOT_FOUND")


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_wrong_chain(platform: Platform, episode: Json, payer: LocalAccount, rail: str) -> None:
    body = signed(platform, episode, payer, rail=rail)
    with nothing_changes(platform):
        refused(submit(platform, body | {"chain_id": 8453}), 422, "WRONG_CHAIN")
        refused(platform.post("/tips/check", check(episode, payer, chain_id=8453)), 422, "WRONG_CHAIN")


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_signed_for_another_chain(platform: Platform, episode: Json, payer: LocalAccount, rail: str) -> None:
    """It says our chain, and is signed for Base."""
    offered = platform.quote(episode, payer=payer)["rails"][rail]
    offered["typed_data"]["domain"]["chainId"] = 8453
    body = platform.signed_submission(offered, payer)
    with nothing_changes(platform):
        refused(submit(platform, body), 422, "INVALID_SIGNATURE")


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_signature_by_another_key(platform: Platform, episode: Json, payer: LocalAccount, rail: str) -> None:
    offered = platform.quote(episode, payer=payer)["rails"][rail]
    body = platform.signed_submission(offered, Account.create())
    with nothing_changes(platform):
        refused(submit(platform, body), 422, "INVALID_SIGNATURE")


@pytest.mark.parametrize(
    ("rail", "change", "code"),
    [
        ("authorization", {"amount_micro_usdc": "100000"}, "INVALID_SIGNATURE"),
        ("authorization", {"valid_before": "4000000000"}, "INVALID_SIGNATURE"),
        ("authorization", {"salt": "0x" + "00" * 32}, "TERMS_CHANGED"),
        ("authorization", {"nonce": "0x" + "00" * 32}, "TERMS_CHANGED"),
        ("authorization", {"to": "0x" + "11" * 20}, "TERMS_CHANGED"),
        ("x402", {"amount_micro_usdc": "100000"}, "INVALID_SIGNATURE"),
        ("x402", {"nonce": "0x" + "00" * 32}, "INVALID_SIGNATURE"),
        ("x402", {"to": "0x" + "11" * 20}, "TERMS_CHANGED"),
    ],
)
def test_terms_changed_after_signing(
    *, platform: Platform, episode: Json, payer: LocalAccount, rail: str, change: Json, code: str
) -> None:
    body = signed(platform, episode, payer, rail=rail) | change
    with nothing_changes(platform):
        refused(submit(platform, body), 422, code)


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_another_episode_after_signing(
    platform: Platform, episodes: list[Json], payer: LocalAccount, rail: str
) -> None:
    body = signed(platform, episodes[0], payer, rail=rail) | {"episode_id": episodes[1]["id"]}
    with nothing_changes(platform):
        refused(submit(platform, body), 422, "TERMS_CHANGED")


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_ref_whose_episode_belongs_to_others(platform: Platform, episode: Json, payer: LocalAccount, rail: str) -> None:
    stranger = platform.an_agent()
    body = signed(platform, episode, payer, rail=rail)
    with nothing_changes(platform):
        for others in ({"creator_id": stranger.creator_id}, {"agent_id": stranger.id}):
            refused(submit(platform, body | others), 422, "RECIPIENTS_DIFFER")


def test_ref_of_others_paid_on_chain_does_not_count(platform: Platform, episode: Json) -> None:
    """One may pay oneself under somebody's ref: a fact of the ledger, and no tip of the episode."""
    stranger, own = platform.an_agent(), platform.a_payer()
    platform.register_wallet(stranger.creator_id, own)
    ref = bytes.fromhex(platform.quote(episode)["ref"][2:])
    functions = (platform.usdc.functions, platform.splitter.functions)
    platform.transact(functions[0].approve(platform.splitter.address, 250_000), own)
    ids = [uuid.UUID(each).bytes.rjust(32, b"\0") for each in (stranger.creator_id, stranger.id)]
    receipt = platform.transact(functions[1].tip(*ids, 250_000, ref), own)
    tx_hash = receipt["transactionHash"].to_0x_hex()
    page = platform.until(lambda: platform.get("/tips", tx_hash=tx_hash), lambda found: bool(found["data"]))
    tip = page["data"][0]
    assert tip["episode_id"] == episode["id"]
    assert (tip["counts_for_episode"], tip["not_counted_because"]) == (False, "recipients_differ")
    assert tip["counted_micro_usdc"] == "0"


def test_payer_who_is_the_creator_does_not_count(platform: Platform) -> None:
    author, own = platform.an_agent(), platform.a_payer()
    platform.register_wallet(author.creator_id, own)
    pilot = platform.a_series(author)["episodes"][0]
    for call in platform.quote(pilot, payer=own)["rails"]["approve"]["calls"]:
        platform.send(call, own)
    page = platform.until(lambda: platform.get("/tips", payer=own.address), lambda found: bool(found["data"]))
    assert page["data"][0]["not_counted_because"] == "payer_is_recipient"


# ------------------------------------------------------------------------------------------------------ authorizations


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_authorization_used_by_us(platform: Platform, episode: Json, payer: LocalAccount, rail: str) -> None:
    body = signed(platform, episode, payer, rail=rail)
    first = submit(platform, body)
    assert first.status_code == 202, first.text
    platform.settled(first.json()["id"])
    with nothing_changes(platform):
        again = refused(submit(platform, body), 409, "AUTHORIZATION_USED")
    assert again["tip"] == first.headers["location"]


def test_authorization_used_by_somebody_else(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    """A front-runner paid the gas: the tip is there, and nothing is paid twice."""
    body = signed(platform, episode, payer)
    quote = platform.quote(episode)
    platform.transact(
        platform.splitter.functions.tipWithAuthorization(
            payer.address,
            *(bytes.fromhex(quote[name][2:]) for name in ("creator_id", "agent_id")),
            int(body["amount_micro_usdc"]),
            *(bytes.fromhex(word[2:]) for word in (quote["ref"], body["salt"])),
            0,
            int(body["valid_before"]),
            bytes.fromhex(body["signature"][2:]),
        ),
        platform.a_payer(0),
    )
    with nothing_changes(platform):
        problem = refused(submit(platform, body), 409, "AUTHORIZATION_USED")
    tip = platform.get(problem["tip"].removeprefix("/api/v1"))
    assert (tip["status"], tip["payer"]) == ("settled", payer.address)


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_authorization_cancelled(platform: Platform, episode: Json, payer: LocalAccount, rail: str) -> None:
    body = signed(platform, episode, payer, rail=rail)
    offered = platform.quote(episode, payer=payer)["rails"][rail]["typed_data"]
    cancel = {
        "types": {
            "EIP712Domain": offered["types"]["EIP712Domain"],
            "CancelAuthorization": [{"name": "authorizer", "type": "address"}, {"name": "nonce", "type": "bytes32"}],
        },
        "primaryType": "CancelAuthorization",
        "domain": offered["domain"],
        "message": {"authorizer": payer.address, "nonce": body["nonce"]},
    }
    signature = payer.sign_typed_data(full_message=cancel).signature
    nonce = bytes.fromhex(body["nonce"][2:])
    function = platform.usdc.get_function_by_signature("cancelAuthorization(address,bytes32,bytes)")
    platform.transact(function(payer.address, nonce, signature), payer)
    with nothing_changes(platform):
        refused(submit(platform, body), 409, "AUTHORIZATION_CANCELLED")


def test_authorization_expired_or_not_valid_yet(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    now = platform.now()
    expired = signed_anew(platform, episode, payer, valid_before=now - MINUTE)
    early = signed_anew(platform, episode, payer, valid_after=now + 10 * MINUTE)
    with nothing_changes(platform):
        refused(submit(platform, expired), 422, "AUTHORIZATION_EXPIRED")
        refused(submit(platform, early), 422, "AUTHORIZATION_NOT_YET_VALID")


# ----------------------------------------------------------------------------------------------------------- the payer


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_insufficient_balance(platform: Platform, episode: Json, rail: str) -> None:
    poor = platform.a_payer(249_999)
    body = signed(platform, episode, poor, rail=rail)
    with nothing_changes(platform):
        refused(submit(platform, body), 422, "INSUFFICIENT_BALANCE")
        refused(platform.post("/tips/check", check(episode, poor, rail=rail)), 422, "INSUFFICIENT_BALANCE")
    problems = platform.quote(episode, payer=poor)["problems"]
    assert "INSUFFICIENT_BALANCE" in {problem["code"] for problem in problems}


def test_insufficient_allowance(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    with nothing_changes(platform):
        answer = platform.post("/tips/check", check(episode, payer, rail="approve"))
        refused(answer, 422, "INSUFFICIENT_ALLOWANCE")
        assert platform.post("/tips/check", check(episode, payer, rail="permit")).status_code == 200
    platform.send(platform.quote(episode, payer=payer)["rails"]["approve"]["calls"][0], payer)
    assert platform.post("/tips/check", check(episode, payer, rail="approve")).status_code == 200


def test_blacklisted_payer(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    body = signed(platform, episode, payer)
    platform.transact(platform.usdc.functions.blacklist(payer.address), platform.cast.usdc_owner)
    with nothing_changes(platform):
        refused(submit(platform, body), 422, "PAYER_BLACKLISTED")


def test_paused(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    body = signed(platform, episode, payer)
    platform.transact(platform.splitter.functions.pause(), platform.cast.pauser)
    try:
        with nothing_changes(platform):
            refused(submit(platform, body), 409, "TIPS_PAUSED")
    finally:
        platform.transact(platform.splitter.functions.unpause(), platform.cast.pauser)
        platform.caught_up()
    assert submit(platform, body).status_code == 202


# --------------------------------------------------------------------------------------------------- wallets and claims


def test_unverified_wallet(platform: Platform) -> None:
    author = platform.an_agent()
    tipped = platform.a_series(author)["episodes"][0]
    giver = platform.a_payer()
    submitted = submit(platform, signed(platform, tipped, giver))
    platform.settled(submitted.json()["id"])
    with nothing_changes(platform):
        refused(platform.post("/payouts/claim", {}, headers=author.headers), 409, "UNVERIFIED_WALLET")


def test_nothing_to_claim_and_somebody_elses_account(platform: Platform, agent: Agent) -> None:
    stranger = platform.an_agent()
    with nothing_changes(platform):
        refused(platform.post("/payouts/claim", {}, headers=stranger.headers), 409, "NOTHING_TO_CLAIM")
        answer = platform.post("/payouts/claim", {"account_id": agent.id}, headers=stranger.headers)
        refused(answer, 404, "ACCOUNT_NOT_FOUND")


def test_challenge_replayed(platform: Platform) -> None:
    author, wallet = platform.an_agent(), Account.create()
    proof = proved(platform, author, wallet)
    assert platform.post("/wallets", proof, headers=author.headers).status_code == 201
    platform.until(lambda: platform.get("/wallets", agent=author)["data"], lambda found: found[0]["state"] == "active")
    with nothing_changes(platform):
        answer = platform.post("/wallets", proof, headers=author.headers)
        refused(answer, 409, "CHALLENGE_USED")


def test_challenge_expired(platform: Platform) -> None:
    author, wallet = platform.an_agent(), Account.create()
    proof = proved(platform, author, wallet)
    platform.request("evm_increaseTime", 16 * MINUTE)
    platform.mine(1)
    with nothing_changes(platform):
        refused(platform.post("/wallets", proof, headers=author.headers), 422, "CHALLENGE_EXPIRED")


def test_challenge_signed_by_another_key(platform: Platform) -> None:
    author, wallet = platform.an_agent(), Account.create()
    proof = proved(platform, author, wallet, signer=Account.create())
    with nothing_changes(platform):
        refused(platform.post("/wallets", proof, headers=author.headers), 422, "SIGNATURE_INVALID")


# --------------------------------------------------------------------------------------------------- keys and retries


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("UPDATE app.api_key SET expires_at = now() WHERE account_id = %s", "API_KEY_EXPIRED"),
        ("UPDATE app.api_key SET revoked_at = now() WHERE account_id = %s", "API_KEY_REVOKED"),
    ],
    ids=["expired", "revoked"],
)
def test_key_that_is_no_longer_valid(platform: Platform, spoil: str, code: str) -> None:
    author = platform.an_agent()
    with db.connect(platform.database_url, autocommit=True) as connection:
        connection.execute(spoil, [author.id])  # type: ignore[arg-type]
    with nothing_changes(platform):
        refused(platform.post("/payouts/claim", {}, headers=author.headers), 401, code)
        refused(platform.http.get("/payouts", headers=author.headers), 401, code)


def test_idempotency_key_reused_with_another_body(
    platform: Platform, agent: Agent, episode: Json, payer: LocalAccount
) -> None:
    first, second = (signed(platform, episode, payer) for _ in range(2))
    key = {"Idempotency-Key": str(uuid.uuid4()), **agent.headers}
    accepted = platform.post("/tips/authorizations", first, headers=key)
    assert accepted.status_code == 202, accepted.text
    platform.settled(accepted.json()["id"])
    with nothing_changes(platform):
        refused(platform.post("/tips/authorizations", second, headers=key), 422, "IDEMPOTENCY_KEY_REUSED")
        replayed = platform.post("/tips/authorizations", first, headers=key)
    assert (replayed.status_code, replayed.json()["id"]) == (202, accepted.json()["id"])
    assert replayed.headers["idempotency-replayed"] == "true"


def test_idempotency_key_missing(platform: Platform, episode: Json, payer: LocalAccount) -> None:
    body = signed(platform, episode, payer)
    with nothing_changes(platform):
        refused(platform.http.post("/tips/authorizations", json=body), 400, "IDEMPOTENCY_KEY_MISSING")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: {**body, "amount_micro_usdc": 0.25},
        lambda body: {**body, "amount_micro_usdc": "-1"},
        lambda body: {**body, "from": "0x12"},
        lambda body: {**body, "signature": "0xzz"},
        lambda body: {**body, "nonce": None},
        lambda body: {**body, "rail": "cash"},
        lambda body: {k: v for k, v in body.items() if k != "salt"},
        lambda body: {**body, "valid_before": str(2**256)},
        lambda body: {**body, "surprise": True},
    ],
)
def test_malformed_submission(
    platform: Platform, episode: Json, payer: LocalAccount, spoil: Callable[[Json], Json]
) -> None:
    body = spoil(signed(platform, episode, payer))
    with nothing_changes(platform):
        assert refused(submit(platform, body), 422, "INVALID_REQUEST")["errors"]


# --------------------------------------------------------------------------------------------------- how it is signed


def signed(platform: Platform, episode: Json, payer: LocalAccount, *, rail: str = "authorization") -> Json:
    """What a client submits for a quarter dollar."""
    return platform.signed_submission(platform.quote(episode, payer=payer)["rails"][rail], payer)


def signed_anew(platform: Platform, episode: Json, payer: LocalAccount, **changes: int) -> Json:
    """Changed before it is signed: what the payer signs is what is submitted."""
    offered = platform.quote(episode, payer=payer)["rails"]["authorization"]
    names = {
        "amount": ("value", "amount_micro_usdc"),
        "valid_after": ("validAfter", "valid_after"),
        "valid_before": ("validBefore", "valid_before"),
    }
    for name, value in changes.items():
        in_message, in_body = names[name]
        offered["typed_data"]["message"][in_message] = str(value)
        offered["submit"]["body"][in_body] = str(value)
    return platform.signed_submission(offered, payer)


def check(episode: Json, payer: LocalAccount, **changes: Any) -> Json:
    body = {
        "episode_id": episode["id"],
        "payer": payer.address,
        "amount_micro_usdc": "250000",
        "rail": "approve",
        "chain_id": 84532,
    }
    return {**body, **changes}


def proved(platform: Platform, author: Agent, wallet: LocalAccount, *, signer: LocalAccount | None = None) -> Json:
    """The proof of a wallet for the agent's own account."""
    challenge = platform.get("/wallets/challenge", agent=author, address=wallet.address)
    signature = (signer or wallet).sign_typed_data(full_message=challenge["typed_data"]).signature
    return {"challenge": challenge["challenge"], "signature": signature.to_0x_hex()}
