"""Monthly statements: to the unit, in three forms that say the same, and nobody reads another's."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.payouts import paper, rules, schemas, statements
from ledger import db, ids, rollups
from tests.builders.accounts import Somebody, a_human, an_agent, problem
from tests.ledger.books import BLOCK_SECONDS, START, Books, wallet

HOLD = timedelta(days=30)
TITLE = '=Überfahrt, "пилот" · 夜'
EPISODE = UUID(int=7)


@pytest.fixture
async def human(http: httpx.AsyncClient, books: Books, database_url: str) -> Somebody:
    """January: paid 800, held 1600 + 2400. February: claimed 1600, held 800. March: swept 2400; not over, nor final.

    A block an hour; each amount is a creator's share.
    """
    found = await a_human(http)
    whose = ids.account_id(UUID(found.id))
    _publish(database_url, creator=found.id)
    books.tip(1000, creator_id=whose)
    await books.mine()
    for amount in (2000, 3000):
        books.hold(amount * 8 // 10, _time_of(books) + HOLD, whose)
        books.tip(amount, creator_id=whose, held_mask=1)
        await books.mine()
    await _until(books, datetime(2026, 2, 1, tzinfo=UTC))
    books.claim(1600, START + timedelta(hours=2) + HOLD, whose)
    books.hold(800, _time_of(books) + HOLD, whose)
    books.tip(1000, creator_id=whose, held_mask=1)
    await books.mine()
    await _until(books, datetime(2026, 3, 1, tzinfo=UTC))
    final = books.cursor.head_number + 1
    await books.mine(safe=final, final=final)
    await rollups.advance(books.connection, books.cursor)
    books.sweep(2400, START + timedelta(hours=3) + HOLD, whose)
    await books.mine(safe=final, final=final)
    return found


@pytest.mark.parametrize(
    ("month", "opening", "paid", "held", "claimed", "swept", "closing"),
    [
        ("2025-12", 0, 0, 0, 0, 0, 0),
        ("2026-01", 0, 800, 4000, 0, 0, 4000),
        ("2026-02", 4000, 0, 800, 1600, 0, 3200),
        ("2026-03", 3200, 0, 0, 0, 2400, 800),
    ],
)
async def test_the_balances_of_a_month(  # noqa: PLR0917
    http: httpx.AsyncClient,
    human: Somebody,
    month: str,
    opening: int,
    paid: int,
    held: int,
    claimed: int,
    swept: int,
    closing: int,
) -> None:
    total = (await _statement(http, human, month))["total"]
    assert {name.removesuffix("_micro_usdc"): int(amount) for name, amount in total.items()} == {
        "opening_held": opening,
        "earned": paid + held,
        "paid": paid,
        "held": held,
        "claimed": claimed,
        "swept": swept,
        "closing_held": closing,
    }


async def test_movements_come_in_the_order_of_the_chain_between_the_balances(
    http: httpx.AsyncClient, human: Somebody
) -> None:
    found = await _statement(http, human, "2026-02")
    lines = [(line["kind"], line["amount_micro_usdc"], line["tip_micro_usdc"]) for line in found["data"]]
    assert lines == [
        ("opening", "4000", None),
        ("claim", "1600", None),
        ("held", "800", "1000"),
        ("closing", "3200", None),
    ]
    assert found["data"][2]["episode"] == TITLE
    assert found["data"][0]["time"] == "2026-02-01T00:00:00Z"


async def test_what_may_still_change_is_said_in_every_form(http: httpx.AsyncClient, human: Somebody) -> None:
    running = await _statement(http, human, "2026-03")
    assert running["status"] == "preliminary"
    assert running["status_detail"] == "preliminary: 2400 micro-USDC not final yet; the month is not over"
    assert running["as_of"] is not None
    over = await _statement(http, human, "2026-02")
    assert (over["status"], over["not_final_micro_usdc"], over["as_of"]) == ("final", "0", None)
    rows = list(csv.DictReader(io.StringIO((await _asked(http, human, "2026-03", format="csv")).text)))
    assert [rows[0]["note"], rows[-1]["note"]] == [running["status_detail"]] * 2
    names = [
        (await _asked(http, human, month, format="pdf")).headers["content-disposition"]
        for month in ("2026-02", "2026-03")
    ]
    assert names == [
        'attachment; filename="molt-statement-2026-02.pdf"',
        'attachment; filename="molt-statement-2026-03-preliminary.pdf"',
    ]


@pytest.mark.parametrize("month", ["2025-12", "2026-01", "2026-02", "2026-03"])
async def test_csv_has_the_same_lines(http: httpx.AsyncClient, human: Somebody, month: str) -> None:
    """But for an apostrophe before what a spreadsheet would run."""
    expected = (await _statement(http, human, month))["data"]
    texts = [{name: "" if value is None else str(value) for name, value in line.items()} for line in expected]
    for line in texts:
        line["episode"] = line["episode"].replace("=", "'=")
    for answer in (
        await _asked(http, human, month, format="csv"),
        await _asked(http, human, month, accept="text/csv, */*;q=0.1"),
    ):
        assert answer.headers["content-type"].startswith("text/csv")
        assert list(csv.DictReader(io.StringIO(answer.text))) == texts


async def test_the_pdf_is_the_same_bytes_each_time_and_its_etag_holds(http: httpx.AsyncClient, human: Somebody) -> None:
    first = await _asked(http, human, "2026-02", format="pdf")
    assert (first.headers["content-type"], first.content[:5]) == ("application/pdf", b"%PDF-")
    again = await _asked(http, human, "2026-02", accept="application/pdf")
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    params = {"month": "2026-02", "format": "pdf"}
    headers = {**human.headers, "If-None-Match": first.headers["etag"]}
    assert (await http.get("/api/v1/earnings/statement", params=params, headers=headers)).status_code == 304


@pytest.mark.parametrize(
    ("month", "code"),
    [
        ("2026-13", "INVALID_REQUEST"),
        ("2026-1", "INVALID_REQUEST"),
        ("0000-01", "INVALID_REQUEST"),
        ("november", "INVALID_REQUEST"),
        ("2026-04", "MONTH_IN_FUTURE"),
        ("9999-12", "MONTH_IN_FUTURE"),
    ],
)
async def test_a_month_that_cannot_be_told_of(http: httpx.AsyncClient, human: Somebody, month: str, code: str) -> None:
    answer = await http.get("/api/v1/earnings/statement", params={"month": month}, headers=human.headers)
    assert problem(answer) == (422, code)


async def test_a_statement_has_so_many_movements_and_no_more(
    http: httpx.AsyncClient, human: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_ENTRIES", 2)
    assert len((await _statement(http, human, "2026-02"))["data"]) == 4
    answer = await http.get("/api/v1/earnings/statement", params={"month": "2026-01"}, headers=human.headers)
    assert problem(answer) == (422, "STATEMENT_TOO_LONG")


async def test_nobody_reads_anothers(http: httpx.AsyncClient, human: Somebody) -> None:
    stranger = await an_agent(http)
    for form in ("json", "csv", "pdf"):
        params = {"month": "2026-01", "format": form, "account_id": human.id}
        answer = await http.get("/api/v1/earnings/statement", params=params, headers=stranger.headers)
        assert problem(answer) == (404, "ACCOUNT_NOT_FOUND")
        assert (await http.get("/api/v1/earnings/statement", params=params)).status_code == 401
    own = await _statement(http, stranger, "2026-01")
    assert [line["kind"] for line in own["data"]] == ["opening", "closing"]
    assert human.id not in str(own)


async def test_one_account_of_several(http: httpx.AsyncClient, human: Somebody, books: Books) -> None:
    agent = await an_agent(http, owner=human)
    books.tip(1000, creator_id=ids.account_id(UUID(human.id)), agent_id=ids.account_id(UUID(agent.id)))
    await books.mine()
    both = await _statement(http, human, "2026-03")
    assert [(each["role"], each["earned_micro_usdc"]) for each in both["accounts"]] == [
        ("creator", "800"),
        ("agent", "10"),
    ]
    assert both["total"]["earned_micro_usdc"] == "810"
    one = await _statement(http, human, "2026-03", account_id=agent.id)
    assert [line["amount_micro_usdc"] for line in one["data"]] == ["0", "10", "0"]


def test_ten_thousand_movements_on_paper() -> None:
    """Each in full, also with titles as long as they may be, and in letters that the font lacks."""
    time = datetime(2026, 1, 1, tzinfo=UTC)
    account = schemas.StatementAccount(account_id=EPISODE, role="agent", agent_name="夜-bot", **dict.fromkeys(_SUMS, 1))
    shared: dict[str, Any] = {"time": time, "amount_micro_usdc": 1, "account_id": EPISODE, "tx_hash": b"\1" * 32}
    share = schemas.StatementLine(kind="held", tip_micro_usdc=2**63 - 1, series="W" * 100, episode=TITLE, **shared)
    balance = schemas.StatementLine(time=time, kind="opening", amount_micro_usdc=2**63 - 1)
    found = schemas.Statement(
        month="2026-01", since=time, until=rules.next_month(time), status="final", status_detail="final: …",
        not_final_micro_usdc=0, as_of=None, chain_id=84532, contract=wallet(1), usdc=wallet(2), accounts=[account],
        total=schemas.StatementTotals(**dict.fromkeys(_SUMS, 2**63 - 1)), data=[balance, *[share] * 10_000],
    )  # fmt: skip
    assert statements.written(found, "pdf").count(b"/Type /Page\n") > 300


def test_what_the_font_lacks_is_a_question_mark() -> None:
    assert paper.showable("Überfahrt пилот 夜\n🎬") == "Überfahrt пилот ???"


def test_a_word_that_is_too_long_is_cut() -> None:
    lines = paper.wrapped("one " + "W" * 100, 100, 8)
    assert "".join(lines) == "one" + "W" * 100
    assert len(lines) > 5


@pytest.mark.parametrize(
    ("final_until", "now", "not_final", "expected"),
    [
        (31, 32, 0, "final: nothing in this month can change any more"),
        (30, 32, 5, "preliminary: 5 micro-USDC not final yet"),
        (None, 32, 0, "preliminary: 0 micro-USDC not final yet"),
        (20, 20, 0, "preliminary: 0 micro-USDC not final yet; the month is not over"),
    ],
)
def test_a_month_is_final_once_no_block_of_it_can_change(
    final_until: int | None, now: int, not_final: int, expected: str
) -> None:
    ends = START + timedelta(days=31)
    final = None if final_until is None else START + timedelta(days=final_until)
    found = rules.standing_of_month(ends, now=START + timedelta(days=now), final_until=final, not_final=not_final)  # type: ignore[arg-type]
    assert found == (expected.split(":", maxsplit=1)[0], expected)


_SUMS = tuple(schemas.StatementTotals.model_fields)


def _time_of(books: Books) -> datetime:
    """Of the block being written."""
    return START + timedelta(seconds=(books.cursor.head_number + 1) * BLOCK_SECONDS)


async def _until(books: Books, moment: datetime) -> None:
    """The next block is the first of that moment."""
    while _time_of(books) < moment:
        await books.mine()


def _publish(database_url: str, *, creator: str) -> None:
    """The episode that all these tips are for; its script and studio do not matter here."""
    with db.connect(database_url) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(
            """INSERT INTO app.episode (id, series_id, number, title, creator_id, agent_id, chain_id, vault)
            VALUES (%s, %s, 1, %s, %s, %s, 84532, %s)""",
            (EPISODE, EPISODE, TITLE, creator, EPISODE, wallet(50)),
        )


async def _statement(http: httpx.AsyncClient, who: Somebody, month: str, **params: str) -> dict[str, Any]:
    return dict((await _asked(http, who, month, **params)).json())


async def _asked(
    http: httpx.AsyncClient, who: Somebody, month: str, *, accept: str = "*/*", **params: str
) -> httpx.Response:
    headers = {**who.headers, "Accept": accept}
    answer = await http.get("/api/v1/earnings/statement", params={"month": month, **params}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer
