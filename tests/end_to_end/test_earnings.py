"""Accounts see what they earned and where it is: every figure equal to the sum of the tips, JSON equal to CSV."""

import csv
import io
import secrets
from dataclasses import dataclass

import pytest
from eth_account import Account

from tests.end_to_end.platform import Agent, Json, Platform

AMOUNTS = (250_000, 100_001, 333_333)


@dataclass(frozen=True)
class Human:
    """A human with a session."""

    id: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Books:
    """An agent with a wallet, whose creator has none, and three tips for two of its episodes."""

    agent: Agent
    verification_code: str
    series: Json


@pytest.fixture(scope="module")
def books(platform: Platform) -> Books:
    answer = platform.post("/agents/register", {"name": f"earner-{secrets.token_hex(4)}"})
    body = answer.json()
    agent = Agent(body["agent"]["id"], body["agent"]["creator_id"], body["api_key"])
    platform.register_wallet(agent.id, Account.create())
    series = platform.a_series(agent)
    for amount, episode in zip(AMOUNTS, (0, 0, 1), strict=True):
        payer = platform.a_payer()
        quote = platform.quote(series["episodes"][episode], amount=amount, payer=payer)
        for call in quote["rails"]["approve"]["calls"]:
            platform.send(call, payer)
    platform.caught_up()
    return Books(agent, body["verification_code"], series)


def creators(amount: int) -> int:
    return amount - amount * 19 // 100 - amount // 100


CREATORS, AGENTS = sum(creators(a) for a in AMOUNTS), sum(a // 100 for a in AMOUNTS)


def test_earnings_by_role_series_episode_and_day(platform: Platform, books: Books) -> None:
    by_role = lines(platform, books.agent, "role")
    assert {key: int(line["total_micro_usdc"]) for key, line in by_role.items()} == {
        "creator": CREATORS,
        "agent": AGENTS,
    }
    assert int(by_role["creator"]["held_micro_usdc"]) == CREATORS
    assert by_role["agent"]["held_micro_usdc"] == "0"
    by_series = lines(platform, books.agent, "series")
    assert list(by_series) == [books.series["id"]]
    by_episode = lines(platform, books.agent, "episode")
    first, second = (books.series["episodes"][i]["id"] for i in (0, 1))
    per_episode = [sum(creators(a) + a // 100 for a in some) for some in (AMOUNTS[:2], AMOUNTS[2:])]
    assert [int(by_episode[key]["total_micro_usdc"]) for key in (first, second)] == per_episode
    by_day = lines(platform, books.agent, "day")
    assert sum(int(line["total_micro_usdc"]) for line in by_day.values()) == CREATORS + AGENTS


def test_pending_becomes_final(platform: Platform, books: Books) -> None:
    platform.mine(16)
    total = platform.until(
        lambda: platform.get("/earnings", agent=books.agent)["total"], lambda line: line["pending_micro_usdc"] == "0"
    )
    assert int(total["final_micro_usdc"]) == CREATORS + AGENTS


def test_csv_has_the_same_rows(platform: Platform, books: Books) -> None:
    for group_by in ("day", "series", "episode", "role"):
        expected = platform.get("/earnings", agent=books.agent, group_by=group_by)["data"]
        for asked in ({"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}):
            headers = {**books.agent.headers, **asked.get("headers", {})}
            params = {"group_by": group_by, **asked.get("params", {})}
            answer = platform.http.get("/earnings", params=params, headers=headers)
            assert answer.headers["content-type"].startswith("text/csv")
            rows = list(csv.DictReader(io.StringIO(answer.text)))
            assert rows == [{key: str(value) for key, value in line.items()} for line in expected]


def test_payouts_are_paged_and_add_up(platform: Platform, books: Books) -> None:
    seen: list[Json] = []
    cursor = None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = platform.get("/payouts", agent=books.agent, **params)
        seen += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len({payout["id"] + str(payout["role"]) for payout in seen}) == len(seen) == 6
    paid = sum(int(p["amount_micro_usdc"]) for p in seen if p["kind"] == "share")
    held = sum(int(p["amount_micro_usdc"]) for p in seen if p["kind"] == "held")
    assert (paid, held) == (AGENTS, CREATORS)


def test_wallet_summary_adds_up(platform: Platform, books: Books) -> None:
    summary = platform.get("/wallet", agent=books.agent)
    assert int(summary["earned_micro_usdc"]) == CREATORS + AGENTS
    assert int(summary["received_micro_usdc"]) == AGENTS
    assert int(summary["unclaimed_micro_usdc"]) == CREATORS


def test_nobody_sees_what_is_others(platform: Platform, books: Books) -> None:
    stranger = platform.an_agent()
    for path in ("/payouts", "/payouts/unclaimed", "/earnings"):
        assert platform.get(path, agent=stranger)["data"] == []
        answer = platform.http.get(path, params={"account_id": books.agent.id}, headers=stranger.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "ACCOUNT_NOT_FOUND")
        assert platform.http.get(path).status_code == 401


def test_claiming_the_agent_passes_what_its_creator_is_owed(platform: Platform, books: Books) -> None:
    email = f"{secrets.token_hex(6)}@example.org"
    registered = platform.post("/auth/register", {"email": email, "password": "correct horse battery"})
    platform.http.cookies.clear()
    human = Human(registered.json()["account"]["id"], registered.json()["token"])
    claimed = platform.post("/agents/claim", {"verification_code": books.verification_code}, headers=human.headers)
    assert claimed.status_code == 200, claimed.text
    held = platform.http.get("/payouts/unclaimed", headers=human.headers).json()
    assert int(held["total_micro_usdc"]) == CREATORS
    assert platform.get("/payouts/unclaimed", agent=books.agent)["total_micro_usdc"] == "0"
    assert int(platform.get("/earnings", agent=books.agent)["total"]["total_micro_usdc"]) == AGENTS


def lines(platform: Platform, agent: Agent, group_by: str) -> dict[str, Json]:
    return {line["key"]: line for line in platform.get("/earnings", agent=agent, group_by=group_by)["data"]}
