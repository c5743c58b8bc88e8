"""Rollups of final blocks, and the overlay of what is newer: together always what a plain SUM over the facts says."""

import pytest

from ledger import record, rederive, rollups, scratch
from tests.ledger.books import CHAIN_ID, DEPLOYMENT, Books, account, block
from tests.ledger.histories import History


@pytest.mark.parametrize("seed", range(4))
async def test_rollups_and_overlay_are_a_plain_sum_whatever_happened(books: Books, seed: int) -> None:
    history = History(books, seed)
    for number in range(45):
        await history.step()
        if number % 5 == 0:
            await history.check()
    await history.check()


async def test_only_final_blocks_are_rolled_up(books: Books) -> None:
    for _ in range(3):
        books.tip()
        await books.mine()
    books.tip()
    await books.mine(safe=4, final=2)
    assert await rollups.advance(books.connection, books.cursor) == 2
    assert await books.rows("SELECT rolled_up_number FROM ledger.rollup_cursor") == [(2,)]
    assert await books.rows("SELECT tips, last_block_number FROM ledger.tip_rollup") == [(2, 2)]
    assert await rollups.advance(books.connection, books.cursor) == 0


async def test_it_goes_on_in_slices(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "_SLICE_TIPS", 2)
    for _ in range(5):
        books.tip()
        books.tip()
        await books.mine()
    await books.mine(safe=6, final=6)
    assert await rollups.advance(books.connection, books.cursor, at_most_blocks=1) == 1
    assert await rollups.advance(books.connection, books.cursor) == 2  # the block of the third tip, whole
    while await rollups.advance(books.connection, books.cursor):
        pass
    assert await books.rows("SELECT tips FROM ledger.day_rollup") == [(10,)]
    assert await rederive.differences(books.connection, CHAIN_ID) == []


async def test_whoever_opens_the_cursor_fences_the_rollups_of_the_writer_before(books: Books) -> None:
    books.tip()
    await books.mine(safe=1, final=1)
    await record.open_cursor(books.connection, DEPLOYMENT, block(0))
    with pytest.raises(record.Fenced):
        await rollups.advance(books.connection, books.cursor)
    assert await books.rows("SELECT count(*) FROM ledger.tip_rollup") == [(0,)]


async def test_a_rebuild_empties_the_rollups(books: Books) -> None:
    books.tip()
    await books.mine(safe=1, final=1)
    await rollups.advance(books.connection, books.cursor)
    await scratch.create(books.connection)
    await record.open_cursor(books.connection, DEPLOYMENT, block(0, has_events=False), scratch.SCRATCH)
    books.cursor = await scratch.adopt(books.connection, CHAIN_ID)
    assert await books.rows("SELECT count(*) FROM ledger.tip_rollup") == [(0,)]
    assert await rollups.rolled_up_number(books.connection, books.cursor) == books.cursor.start_number - 1


async def test_an_altered_rollup_is_named(books: Books, ledger_url: str) -> None:
    from ledger import db

    books.tip(1000)
    books.hold(100, block(40).timestamp)
    await books.mine(safe=1, final=1)
    await rollups.advance(books.connection, books.cursor)
    assert await rederive.differences(books.connection, CHAIN_ID) == []
    with db.connect(ledger_url, autocommit=True) as owner:
        owner.execute("UPDATE ledger.tip_rollup SET creator_earned_micro_usdc = 801")
        owner.execute("DELETE FROM ledger.open_bucket")
        owner.execute("INSERT INTO ledger.day_rollup VALUES (%s, '2026-02-02', 1, 1, 0, 9, 9)", (CHAIN_ID,))
    found = {each.table: each for each in await rederive.differences(books.connection, CHAIN_ID)}
    assert found["tip_rollup"].stored is not None
    assert found["tip_rollup"].derived is not None
    assert found["tip_rollup"].stored["creator_earned_micro_usdc"] == 801
    assert found["tip_rollup"].derived["creator_earned_micro_usdc"] == 800
    assert found["day_rollup"].derived is None
    assert found["open_bucket"].stored is None
    assert found["open_bucket"].derived is not None
    assert found["open_bucket"].derived["account_id"] == "\\x" + account(1).hex()
