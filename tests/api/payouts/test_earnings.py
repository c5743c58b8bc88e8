"""Earnings by what the rollups keep apart, and by what they do not: the same total, JSON equal to CSV, page by page."""

import csv
import io
from uuid import UUID

import httpx
import pytest

from api.payouts import rules
from ledger import ids, rollups
from tests.builders.accounts import Somebody, a_human, an_agent, problem
from tests.ledger.books import Books, account, wallet

GROUPS = ("day", "series", "episode", "role", "rail", "payer")
PAYERS = 7


@pytest.fixture
async def human(http: httpx.AsyncClient, books: Books) -> Somebody:
    """Tipped by seven payers and two flushes, on two rails each; part of it is rolled up, and one tip is not final."""
    found = await a_human(http)
    whose = ids.account_id(UUID(found.id))
    for number in range(PAYERS):
        books.tip(1000 + number, creator_id=whose, payer=wallet(100 + number), rail=("permit", "x402")[number % 2])
        books.tip(10_000, creator_id=account(3), payer=wallet(200))
        await books.mine(safe=number, final=number)
    books.tip(5000, creator_id=whose, payer=None, rail="flush", held_mask=1)
    books.tip(6000, creator_id=whose, agent_id=whose, payer=None, rail="flush")
    await books.mine(safe=PAYERS, final=PAYERS)
    await rollups.advance(books.connection, books.cursor, at_most_blocks=3)
    return found


async def test_by_rail(http: httpx.AsyncClient, human: Somebody) -> None:
    found = await _earnings(http, human, group_by="rail")
    assert {line["key"]: line["total_micro_usdc"] for line in found["data"]} == {
        "flush": str(4000 + 4800 + 60),
        "permit": str(sum(_share(1000 + n) for n in (0, 2, 4, 6))),
        "x402": str(sum(_share(1000 + n) for n in (1, 3, 5))),
    }
    flushed = next(line for line in found["data"] if line["key"] == "flush")
    assert (flushed["tips"], flushed["pending_micro_usdc"], flushed["held_micro_usdc"]) == (3, "8860", "4000")


async def test_by_payer_page_by_page(http: httpx.AsyncClient, human: Somebody) -> None:
    whole = await _earnings(http, human, group_by="payer")
    keys = [line["key"] for line in whole["data"]]
    assert keys == [f"0x{wallet(100 + n).hex()}" for n in range(PAYERS)] + ["other"]
    seen, cursor = [], None
    while True:
        page = await _earnings(http, human, group_by="payer", limit="3", **({"cursor": cursor} if cursor else {}))
        assert page["total"] == whole["total"]
        seen += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole["data"]


async def test_every_grouping_has_the_same_total_which_is_that_of_its_lines(
    http: httpx.AsyncClient, human: Somebody
) -> None:
    for span in ({}, {"since": "2026-01-01T03:00:00Z", "until": "2026-01-01T06:30:00Z"}):
        answers = [await _earnings(http, human, group_by=group_by, **span) for group_by in GROUPS]
        for found in answers:
            assert found["total"] == answers[0]["total"]
            for column in ("tips", "final_micro_usdc", "pending_micro_usdc", "total_micro_usdc", "held_micro_usdc"):
                assert sum(int(line[column]) for line in found["data"]) == int(found["total"][column])


@pytest.mark.parametrize("group_by", GROUPS)
async def test_csv_has_the_same_rows(http: httpx.AsyncClient, human: Somebody, group_by: str) -> None:
    params = {"group_by": group_by, "limit": "3"}
    expected = (await _earnings(http, human, **params))["data"]
    for asked in ({"params": {**params, "format": "csv"}}, {"params": params, "headers": {"Accept": "text/csv"}}):
        headers = {**human.headers, **asked.get("headers", {})}
        answer = await http.get("/api/v1/earnings", params=asked["params"], headers=headers)
        assert answer.headers["content-type"].startswith("text/csv")
        assert ('rel="next"' in answer.headers.get("link", "")) == (group_by == "payer")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert rows == [{key: str(value) for key, value in line.items()} for line in expected]


async def test_a_cursor_is_of_its_list(http: httpx.AsyncClient, human: Somebody) -> None:
    cursor = (await _earnings(http, human, group_by="payer", limit="3"))["next_cursor"]
    params = {"group_by": "payer", "since": "2026-01-01T00:00:00Z", "cursor": cursor}
    answer = await http.get("/api/v1/earnings", params=params, headers=human.headers)
    assert problem(answer) == (400, "INVALID_CURSOR")


async def test_more_tips_than_are_summed_one_by_one(
    http: httpx.AsyncClient, human: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_TIPS_ONE_BY_ONE", 5)
    answer = await http.get("/api/v1/earnings", params={"group_by": "rail"}, headers=human.headers)
    assert problem(answer) == (422, "TOO_MANY_TIPS")
    assert (await _earnings(http, human, group_by="series"))["total"]["tips"] == PAYERS + 3


async def test_nobody_sees_anothers(http: httpx.AsyncClient, human: Somebody) -> None:
    stranger = await an_agent(http)
    for group_by in ("rail", "payer"):
        assert (await _earnings(http, stranger, group_by=group_by))["data"] == []
        params = {"group_by": group_by, "account_id": human.id}
        answer = await http.get("/api/v1/earnings", params=params, headers=stranger.headers)
        assert problem(answer) == (404, "ACCOUNT_NOT_FOUND")


def _share(amount: int) -> int:
    return amount - amount * 19 // 100 - amount // 100


async def _earnings(http: httpx.AsyncClient, who: Somebody, **params: str) -> dict:  # type: ignore[type-arg]
    answer = await http.get("/api/v1/earnings", params=params, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
