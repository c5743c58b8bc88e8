"""A signed authorization pays once, whoever sends it and however often; what is refused moved nothing."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from eth_account.signers.local import LocalAccount

from tests.end_to_end.platform import Json, Platform


@pytest.fixture(scope="module")
def episode(platform: Platform) -> Json:
    return platform.an_episode()


def submission(platform: Platform, episode: Json, payer: LocalAccount, rail: str = "authorization") -> Json:
    return platform.signed_submission(platform.quote(episode, payer=payer)["rails"][rail], payer)


@pytest.mark.parametrize("rail", ["authorization", "x402"])
def test_same_authorization_twenty_times_at_once_is_one_payment(platform: Platform, episode: Json, rail: str) -> None:
    payer = platform.a_payer()
    body = submission(platform, episode, payer, rail)

    def send(_: int) -> httpx.Response:
        return platform.post("/tips/authorizations", body)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, range(20)))
    accepted = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    late = [answer.json()["code"] for answer in answers if answer.status_code != 202]
    assert len(set(accepted)) == 1
    assert set(late) <= {"AUTHORIZATION_USED"}
    platform.settled(accepted[0])
    assert platform.balance(payer.address) == 10_000_000 - 250_000
    assert len(platform.get("/tips", payer=payer.address)["data"]) == 1


def test_the_relayers_keys_pay_side_by_side(platform: Platform, episode: Json) -> None:
    """More tips than one key may have in flight: both keys have some in the pool at the same time."""
    payers = [platform.a_payer() for _ in range(20)]
    bodies = [submission(platform, episode, payer) for payer in payers]
    platform.request("evm_setAutomine", False)
    try:
        with ThreadPoolExecutor(10) as pool:
            ids = [
                each.json()["id"] for each in pool.map(lambda body: platform.post("/tips/authorizations", body), bodies)
            ]
        keys = [relayer.address for relayer in platform.cast.relayers]
        in_pool = platform.until(lambda: [platform.in_pool(key) for key in keys], lambda counts: sum(counts) == 20)
    finally:
        platform.request("evm_setAutomine", True)
    platform.mine(1)
    for tip_id in ids:
        platform.settled(tip_id)
    assert min(in_pool) >= 4
    assert [platform.balance(payer.address) for payer in payers] == [10_000_000 - 250_000] * 20


def test_refused_submission_says_why_and_may_go_again(platform: Platform, episode: Json) -> None:
    """Two tips, and money for one of them."""
    payer = platform.a_payer(250_000)
    bodies = [submission(platform, episode, payer) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda body: platform.post("/tips/authorizations", body), bodies))
    ids = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    if len(ids) == 1:
        pytest.skip("the first was settled before the second was looked at")

    def both() -> dict[str, Json]:
        platform.mine(1)
        return {tip_id: platform.get(f"/tips/{tip_id}") for tip_id in ids}

    found = platform.until(both, lambda tips: all(tip["status"] != "pending" for tip in tips.values()))
    assert sorted(tip["status"] for tip in found.values()) == ["refused", "settled"]
    (refused,) = [tip for tip in found.values() if tip["status"] == "refused"]
    assert refused["refusal"]["code"] == "INSUFFICIENT_BALANCE", refused["refusal"]
    assert platform.balance(payer.address) == 0

    platform.transact(platform.usdc.functions.mint(payer.address, 250_000), platform.cast.faucet)
    again = platform.post("/tips/authorizations", bodies[ids.index(refused["id"])])
    assert (again.status_code, again.json()["id"]) == (202, refused["id"])
    platform.settled(refused["id"])
    assert platform.balance(payer.address) == 0


def test_x402_payment_that_somebody_else_sent_is_recognised(platform: Platform, episode: Json) -> None:
    """Sent to the vault without us: the platform flushes it, and the submission is answered with the tip it became."""
    payer = platform.a_payer()
    body = submission(platform, episode, payer, "x402")
    signature = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
    function = platform.usdc.get_function_by_signature(signature)
    platform.transact(
        function(
            payer.address,
            episode["vault"],
            250_000,
            0,
            int(body["valid_before"]),
            bytes.fromhex(body["nonce"][2:]),
            bytes.fromhex(body["signature"][2:]),
        ),
        platform.a_payer(0),
    )
    page = platform.until(lambda: platform.get("/tips", payer=payer.address), lambda found: bool(found["data"]))
    tip = page["data"][0]
    assert (tip["settlement"]["rail"], tip["contributions"][0]["from"]) == ("flush", payer.address)
    answer = platform.post("/tips/authorizations", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "AUTHORIZATION_USED")
    assert answer.json()["tip"].endswith(tip["id"])


def test_smart_wallet_pays_by_erc1271(platform: Platform, episode: Json) -> None:
    """Its code says yes to everything: USDC asks the code, and so do we."""
    payer = platform.a_payer()
    body = submission(platform, episode, payer)
    always = "0x" + "631626ba7e60e01b60005260206000f3"  # PUSH4 magic, SHL 224, MSTORE, RETURN
    platform.request("anvil_setCode", payer.address, always)
    answer = platform.post("/tips/authorizations", body | {"signature": "0x1234"})
    assert answer.status_code == 202, answer.text
    assert platform.settled(answer.json()["id"])["payer"] == payer.address


def test_small_and_large_plain_transfers_are_split_together(platform: Platform) -> None:
    """A contribution below the minimum waits for more, is split with it, and does not count."""
    episode = platform.an_episode()
    small, large = platform.a_payer(50_000), platform.a_payer(300_000)
    for payer, amount in ((small, 50_000), (large, 300_000)):
        platform.transact(platform.usdc.functions.transfer(episode["vault"], amount), payer)
        platform.caught_up()
    page = platform.until(lambda: platform.get("/tips", payer=small.address), lambda found: bool(found["data"]))
    tip = page["data"][0]
    assert tip["amount_micro_usdc"] == "350000"
    assert [(c["from"], c["counts_for_episode"], c["not_counted_because"]) for c in tip["contributions"]] == [
        (small.address, False, "below_minimum"),
        (large.address, True, None),
    ]
    assert (tip["counts_for_episode"], tip["counted_micro_usdc"]) == (True, "300000")
    assert platform.get("/tips", payer=large.address)["data"] == [tip]
    assert platform.get("/tips", episode=episode["id"])["data"] == [tip]


def test_tip_that_a_reorganisation_drops_is_sent_again_and_paid_once(platform: Platform, episode: Json) -> None:
    payer = platform.a_payer()
    platform.mine(1)
    answer = platform.post("/tips/authorizations", submission(platform, episode, payer))
    first = platform.settled(answer.json()["id"])["settlement"]
    depth = platform.w3.eth.block_number - first["block_number"] + 1
    platform.request("anvil_reorg", depth, [])
    again = platform.until(
        lambda: platform.get(f"/tips/{answer.json()['id']}"),
        lambda tip: tip["status"] == "settled" and tip["settlement"]["block_hash"] != first["block_hash"],
    )
    assert again["settlement"]["tx_hash"] == first["tx_hash"]
    assert platform.balance(payer.address) == 10_000_000 - 250_000
    assert len(platform.get("/tips", payer=payer.address)["data"]) == 1


def test_unknown_tip(platform: Platform) -> None:
    for tip_id in (str(uuid.uuid4()), "0x" + "00" * 32 + "-0", "nonsense"):
        answer = platform.http.get(f"/tips/{tip_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "TIP_NOT_FOUND")
