"""What nobody claimed for 30 days of the chain's time is the treasury's, and never a second before."""

import asyncio

import pytest

from api.db import Database
from api.payouts import rules, service
from ledger import db, deployment
from tests.end_to_end.platform import Json, Platform


@pytest.fixture
def bucket(platform: Platform) -> tuple[Json, int]:
    """(the agent's unclaimed list, the expiry): an agent without a wallet, and one tip for it."""
    author = platform.an_agent()
    episode = platform.a_series(author)["episodes"][0]
    payer = platform.a_payer()
    for call in platform.quote(episode, payer=payer)["rails"]["approve"]["calls"]:
        platform.send(call, payer)
    platform.caught_up()
    held = platform.get("/payouts/unclaimed", agent=author)
    with db.connect(platform.database_url, autocommit=True) as connection:
        row = connection.execute("SELECT max(extract(epoch FROM expires_at)::bigint) FROM ledger.share_held").fetchone()
    assert row is not None
    return {"agent": author, **held}, int(row[0])


def test_expired_share_is_swept_to_the_treasury_and_not_before(platform: Platform, bucket: tuple[Json, int]) -> None:
    held, expires_at = bucket
    agent, account = held["agent"], held["agent"].creator_id
    treasury = platform.cast.treasury.address

    platform.request("evm_setNextBlockTimestamp", expires_at - 1)
    platform.mine(1)
    platform.caught_up()
    assert notices(platform, account) == [29]
    before = platform.balance(treasury)
    (still,) = platform.get("/payouts/unclaimed", agent=agent, account_id=account)["data"]
    assert (still["to_do"], still["seconds_left"]) == ("register_wallet", 1)
    function = platform.splitter.functions.held(bytes.fromhex(f"{account.replace('-', ''):0>64}"), expires_at)
    assert function.call() == 200_000

    platform.request("evm_setNextBlockTimestamp", expires_at)
    platform.mine(1)
    platform.until(function.call, lambda left: left == 0)
    platform.caught_up()
    assert platform.balance(treasury) - before >= 200_000 + 2_500
    kinds = [payout["kind"] for payout in platform.get("/payouts", agent=agent, account_id=account)["data"]]
    assert kinds == ["sweep", "held"]
    summary = platform.get("/wallet", agent=agent)
    creator = next(each for each in summary["accounts"] if each["account_id"] == account)
    assert (creator["swept_micro_usdc"], creator["unclaimed_micro_usdc"]) == ("200000", "0")
    answer = platform.post("/payouts/claim", {}, headers=agent.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "NOTHING_TO_CLAIM")


def notices(platform: Platform, account: str) -> list[int]:
    """The days of the notices, once those that are due are written."""
    contracts = deployment.load(84532, platform.deployment_file)

    async def write() -> None:
        database = Database(platform.database_url, pool_size=2)
        async with database.begin() as session:
            await service.notify_of_holds(session, contracts)
        await database.close()

    asyncio.run(write())
    with db.connect(platform.database_url, autocommit=True) as connection:
        rows = connection.execute("SELECT day FROM app.hold_notice WHERE account_id = %s ORDER BY day", [account])
        return [row[0] for row in rows.fetchall() if row[0] in rules.NOTICE_DAYS and row[0] != 0]
