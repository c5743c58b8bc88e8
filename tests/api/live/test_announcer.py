"""Whatever the chain does, and whenever the announcer looks: each fact is told once, and ends final or taken back."""

import random
from typing import Any

import pytest
from sqlalchemy import text

from api.db import Database
from api.live import announcer
from tests.ledger.books import CHAIN_ID, Books
from tests.ledger.histories import History

STEPS = 60


async def announced(database: Database) -> None:
    more = True
    while more:
        async with database.begin() as session:
            more = await announcer.announce(session, CHAIN_ID)


async def told(database: Database) -> list[Any]:
    async with database.reading() as session:
        return list(await session.execute(text("SELECT id, kind, subject, data FROM app.event ORDER BY id")))


@pytest.mark.parametrize("seed", range(12))
async def test_what_was_told_adds_up_to_what_the_ledger_says(
    books: Books, database: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(seed)
    monkeypatch.setattr(announcer, "AT_ONCE", source.choice([2, 3, 500]))
    history = History(books, seed)
    await announced(database)
    for _ in range(STEPS):
        await history.step()
        if source.random() < 0.4:
            await announced(database)
    await announced(database)
    standing, final = _replayed(await told(database))
    assert standing == await _facts(books, "TRUE")
    assert final == await _facts(books, f"block_number <= {books.cursor.finalized_number}", tables=("tip_split",))


async def test_the_first_look_does_not_tell_the_past(books: Books, database: Database) -> None:
    books.tip()
    await books.mine(safe=1, final=1)
    books.tip()
    await books.mine(safe=1, final=1)
    await announced(database)
    assert [(event.kind, event.data["block_number"]) for event in await told(database)] == [("tip.split", 2)]


async def test_two_announcers_tell_once(books: Books, database: Database) -> None:
    await announced(database)
    books.tip()
    await books.mine()
    async with database.begin() as first:
        await announcer.announce(first, CHAIN_ID)
        async with database.begin() as second:
            await second.execute(text("SET LOCAL lock_timeout = '100ms'"))
            with pytest.raises(Exception, match="lock timeout"):
                await announcer.announce(second, CHAIN_ID)
    await announced(database)
    assert [event.kind for event in await told(database)] == ["tip.split"]


async def test_amounts_are_strings_and_accounts_are_uuids(books: Books, database: Database) -> None:
    await announced(database)
    books.tip(250_001)
    await books.mine()
    await announced(database)
    (event,) = await told(database)
    assert event.data["creator_share_micro_usdc"] == "200001"
    assert event.data["creator_id"] == "00000000-0000-0000-0000-000000000001"
    assert event.subject == event.data["tip_id"] == f"{event.data['tx_hash']}-{event.data['log_index']}"


def _replayed(events: list[Any]) -> tuple[set[tuple[str, int, int]], set[tuple[str, int, int]]]:
    """What listeners believe in the end. Fails when something is told twice, or ends without a beginning."""
    standing: set[tuple[str, int, int]] = set()
    final: set[tuple[str, int, int]] = set()
    for event in events:
        place = (event.data["tx_hash"], event.data["log_index"], event.data["block_number"])
        if event.kind.endswith(".reorged"):
            assert place not in final
            standing.remove(place)
        elif event.kind == "tip.final":
            assert place in standing
            assert place not in final
            final.add(place)
        else:
            assert place not in standing
            standing.add(place)
    return standing, final


async def _facts(
    books: Books, where: str, tables: tuple[str, ...] = ("tip_split", "share_held", "share_claimed", "share_swept")
) -> set[tuple[str, int, int]]:
    found: set[tuple[str, int, int]] = set()
    for table in tables:
        rows = await books.connection.execute(
            f"SELECT '0x' || encode(tx_hash, 'hex'), log_index, block_number FROM ledger.{table} WHERE {where}"
        )
        found |= {(row[0], row[1], row[2]) for row in await rows.fetchall()}
    return found
