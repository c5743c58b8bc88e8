"""0.25 USDC by each of the five rails becomes 200000 / 47500 / 2500: chain = ledger = API, to the unit."""

from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.end_to_end.platform import Json, Platform

AMOUNT = 250_000
SHARES = {"creator": 200_000, "platform": 47_500, "agent": 2_500}


def by_approval(platform: Platform, quote: Json, payer: LocalAccount) -> Json:
    for call in quote["rails"]["approve"]["calls"]:
        receipt = platform.send(call, payer)
    return of_receipt(platform, receipt)


def by_permit(platform: Platform, quote: Json, payer: LocalAccount) -> Json:
    rail = quote["rails"]["permit"]
    signature = payer.sign_typed_data(full_message=rail["typed_data"]).signature
    a = rail["arguments"]
    ids = (bytes.fromhex(a["creatorId"][2:]), bytes.fromhex(a["agentId"][2:]))
    function = platform.splitter.functions.tipWithPermit(
        *ids, int(a["amount"]), bytes.fromhex(a["ref"][2:]), int(a["deadline"]), signature
    )
    return of_receipt(platform, platform.transact(function, payer))


def gasless(platform: Platform, quote: Json, payer: LocalAccount, rail: str) -> Json:
    answer = platform.post("/tips/authorizations", platform.signed_submission(quote["rails"][rail], payer))
    assert answer.status_code == 202, answer.text
    return platform.settled(answer.headers["Location"].rsplit("/", maxsplit=1)[-1])


def by_authorization(platform: Platform, quote: Json, payer: LocalAccount) -> Json:
    return gasless(platform, quote, payer, "authorization")


def by_x402(platform: Platform, quote: Json, payer: LocalAccount) -> Json:
    return gasless(platform, quote, payer, "x402")


def by_transfer(platform: Platform, quote: Json, payer: LocalAccount) -> Json:
    """Nobody but the platform flushes."""
    for call in quote["rails"]["transfer"]["calls"]:
        platform.send(call, payer)
    page = platform.until(lambda: platform.get("/tips", payer=payer.address), lambda found: bool(found["data"]))
    tip: Json = page["data"][0]
    return tip


def of_receipt(platform: Platform, receipt: Any) -> Json:
    tx_hash = receipt["transactionHash"].to_0x_hex()
    page = platform.until(lambda: platform.get("/tips", tx_hash=tx_hash), lambda found: bool(found["data"]))
    tip: Json = page["data"][0]
    return tip


@pytest.fixture(scope="module")
def episode(platform: Platform) -> Json:
    return platform.an_episode()


@pytest.mark.parametrize(
    ("pay", "rail"),
    [
        (by_approval, "approve"),
        (by_permit, "permit"),
        (by_authorization, "authorization"),
        (by_x402, "x402"),
        (by_transfer, "flush"),
    ],
)
def test_quarter_dollar_reaches_three_wallets(platform: Platform, episode: Json, pay: Any, rail: str) -> None:
    payer = platform.a_payer()
    quote = platform.quote(episode, amount=AMOUNT, payer=payer)
    wallets = {share["role"]: share["wallet"] for share in quote["shares"]}
    before = {role: platform.balance(wallet) for role, wallet in wallets.items()}
    paid = platform.balance(payer.address)

    tip = pay(platform, quote, payer)

    moved = {role: platform.balance(wallet) - before[role] for role, wallet in wallets.items()}
    assert moved == SHARES
    assert platform.balance(payer.address) == paid - AMOUNT
    assert {share["role"]: int(share["amount_micro_usdc"]) for share in tip["shares"]} == SHARES
    assert {share["role"]: share["wallet"] for share in tip["shares"]} == wallets
    assert tip["settlement"]["rail"] == rail
    assert (tip["status"], tip["counts_for_episode"], tip["counted_micro_usdc"]) == ("settled", True, str(AMOUNT))
    assert platform.balance(episode["vault"]) == 0
    who = tip["payer"] or tip["contributions"][0]["from"]
    assert who == payer.address
    place = f"{tip['settlement']['tx_hash']}-{tip['settlement']['log_index']}"
    assert platform.get(f"/tips/{place}")["shares"] == tip["shares"]


def test_tip_becomes_final(platform: Platform, episode: Json) -> None:
    payer = platform.a_payer()
    tip = by_approval(platform, platform.quote(episode, payer=payer), payer)
    assert tip["settlement"]["finality"] == "unsafe"
    platform.mine(16)
    platform.until(
        lambda: platform.get(f"/tips/{tip['id']}"), lambda found: found["settlement"]["finality"] == "finalized"
    )


def test_blacklisted_recipient_is_held_and_the_others_are_paid(platform: Platform) -> None:
    agent = platform.an_agent()
    creator_wallet, agent_wallet = Account.create(), Account.create()
    platform.register_wallet(agent.creator_id, creator_wallet)
    platform.register_wallet(agent.id, agent_wallet)
    episode = platform.a_series(agent)["episodes"][0]
    owner = platform.cast.usdc_owner
    platform.transact(platform.usdc.functions.blacklist(creator_wallet.address), owner)
    try:
        payer = platform.a_payer()
        quote = platform.quote(episode, payer=payer)
        assert [(s["held"], s["held_reason"]) for s in quote["shares"]] == [
            (True, "blacklisted"),
            (False, None),
            (False, None),
        ]
        tip = by_approval(platform, quote, payer)
        creator, treasury, author = tip["shares"]
        assert (creator["held"], creator["held_reason"], creator["wallet"]) == (True, "blacklisted", None)
        assert (treasury["held"], author["held"]) == (False, False)
        assert platform.balance(agent_wallet.address) == 2_500
        assert platform.balance(creator_wallet.address) == 0
        held = platform.get("/payouts/unclaimed", agent=agent)
        assert held["total_micro_usdc"] == "200000"
        (bucket,) = held["data"]
        assert (bucket["reasons"], bucket["to_do"]) == (["blacklisted"], "wait_for_usdc")
        answer = platform.post("/payouts/claim", {"account_id": agent.creator_id}, headers=agent.headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "WALLET_BLACKLISTED")
    finally:
        platform.transact(platform.usdc.functions.unBlacklist(creator_wallet.address), owner)
    platform.caught_up()
    claimed = platform.post("/payouts/claim", {}, headers=agent.headers)
    assert claimed.status_code == 202, claimed.text
    claim_id = claimed.json()["data"][0]["id"]
    done = platform.until(
        lambda: platform.get(f"/payouts/claims/{claim_id}", agent=agent), lambda claim: claim["status"] != "pending"
    )
    assert (done["status"], done["claimed_micro_usdc"]) == ("claimed", "200000")
    assert platform.balance(creator_wallet.address) == 200_000


def test_share_without_a_wallet_is_held_and_claimed_once_there_is_one(platform: Platform) -> None:
    """The platform claims by itself; the books of the account add up."""
    agent = platform.an_agent()
    episode = platform.a_series(agent)["episodes"][1]
    payer = platform.a_payer()
    quote = platform.quote(episode, payer=payer)
    assert [share["held_reason"] for share in quote["shares"]] == ["no_wallet", None, "no_wallet"]
    tip = by_authorization(platform, quote, payer)
    assert [share["held_reason"] for share in tip["shares"]] == ["no_wallet", None, "no_wallet"]
    held = platform.get("/payouts/unclaimed", agent=agent)
    assert held["total_micro_usdc"] == "202500"
    assert {bucket["to_do"] for bucket in held["data"]} == {"register_wallet"}
    answer = platform.post("/payouts/claim", {}, headers=agent.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "UNVERIFIED_WALLET")

    wallet = Account.create()
    platform.register_wallet(agent.creator_id, wallet)
    platform.until(lambda: platform.balance(wallet.address), lambda balance: balance == 200_000)
    summary = platform.until(
        lambda: platform.get("/wallet", agent=agent), lambda found: found["unclaimed_micro_usdc"] == "2500"
    )
    creator = next(each for each in summary["accounts"] if each["role"] == "creator")
    assert (creator["earned_micro_usdc"], creator["claimed_micro_usdc"]) == ("200000", "200000")
    kinds = [payout["kind"] for payout in platform.get("/payouts", agent=agent, account_id=agent.creator_id)["data"]]
    assert kinds == ["claim", "held"]
    (claim,) = platform.get("/payouts/claims", agent=agent)["data"]
    assert (claim["requested_by_platform"], claim["status"]) == (True, "claimed")
    assert platform.get("/payouts/unclaimed", agent=agent, account_id=agent.creator_id)["data"] == []
