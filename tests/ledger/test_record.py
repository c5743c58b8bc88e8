"""The only writer: whole batches or nothing, on top of the head or not at all, and nothing is only deleted."""

import psycopg
import pytest

from ledger import copying, record, scratch
from tests.ledger.books import CHAIN_ID, DEPLOYMENT, START, Books, block, hash_of


async def test_rows_and_cursor_move_together(books: Books) -> None:
    tip = books.tip()
    await books.mine()
    assert await books.rows("SELECT head_number, head_hash FROM ledger.cursor") == [(1, hash_of(1))]
    ((amount, platform),) = await books.rows(
        "SELECT amount_micro_usdc, platform_share_micro_usdc FROM ledger.tip_split"
    )
    assert (amount, platform) == (tip.amount_micro_usdc, tip.platform_share_micro_usdc)


async def test_a_batch_must_continue_the_head(books: Books) -> None:
    stray = block(2)
    with pytest.raises(ValueError, match="does not continue"):
        await record.append(
            books.connection,
            books.cursor,
            record.Batch(stray.parent_hash, stray, {}, "bloom"),
            record.Finality(0, 0, 2),
        )


async def test_the_same_batch_twice_is_fenced(books: Books) -> None:
    before = books.cursor
    books.tip()
    await books.mine()
    books.cursor = before
    books.tip()
    with pytest.raises(record.Fenced):
        await books.mine()
    assert await books.rows("SELECT count(*) FROM ledger.tip_split") == [(1,)]


@pytest.mark.parametrize("tips", [1, 20])
async def test_a_refused_row_takes_its_whole_batch_with_it(books: Books, tips: int) -> None:
    """Few rows are inserted, more are copied."""
    for _ in range(tips):
        books.tip()
    books.claim(0, START)
    with pytest.raises(psycopg.errors.CheckViolation):
        await books.mine()
    await _nothing_is_there(books)


@pytest.mark.parametrize("tips", [1, 20])
@pytest.mark.parametrize("broken", ["no hex", "00"])
async def test_a_broken_row_takes_its_whole_batch_with_it(books: Books, tips: int, broken: str) -> None:
    for _ in range(tips):
        books.tip()
    head = block(1)
    rows = {**copying.rows_of(books.taken()), "share_claimed": [broken]}
    batch = record.Batch(books.cursor.head_hash, head, rows, "bloom")
    with pytest.raises((copying.BadHex, psycopg.Error)):
        await record.append(books.connection, books.cursor, batch, record.Finality(0, 0, 1))
    await _nothing_is_there(books)


async def _nothing_is_there(books: Books) -> None:
    assert await books.rows("SELECT head_number FROM ledger.cursor") == [(0,)]
    assert await books.rows("SELECT count(*) FROM ledger.tip_split") == [(0,)]
    assert books.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    books.taken()
    books.tip()
    await books.mine()
    assert await books.rows("SELECT count(*) FROM ledger.tip_split") == [(1,)]


async def test_whoever_opens_the_cursor_fences_the_writer_before(books: Books) -> None:
    await record.open_cursor(books.connection, DEPLOYMENT, block(0))
    books.tip()
    with pytest.raises(record.Fenced):
        await books.mine()
    assert await books.rows("SELECT count(*) FROM ledger.tip_split") == [(0,)]


async def test_a_rewind_archives_rows_with_their_block(books: Books) -> None:
    books.tip(111)
    await books.mine()
    books.tip(222)
    await books.mine()
    await books.rewind(1)
    assert await books.rows("SELECT amount_micro_usdc FROM ledger.tip_split") == [(111,)]
    archived = await books.rows(
        "SELECT table_name, block_number, block_hash, content ->> 'amount_micro_usdc'"
        " FROM ledger.orphaned_row ORDER BY table_name"
    )
    assert archived == [("block", 2, hash_of(2), None), ("tip_split", 2, hash_of(2), "222")]
    books.tip(333)
    await books.mine()
    assert await books.rows("SELECT hash FROM ledger.block WHERE number = 2") == [(hash_of(2, fork=1),)]


async def test_nothing_final_is_rewound(books: Books) -> None:
    for _ in range(3):
        await books.mine(safe=2, final=2)
    with pytest.raises(record.BeyondFinality):
        await books.rewind(1)


async def test_finality_never_goes_back_nor_passes_the_head(books: Books) -> None:
    await books.mine(safe=100, final=100)
    assert (books.cursor.safe_number, books.cursor.finalized_number) == (1, 1)
    await books.mine(safe=0, final=0)
    assert books.cursor.finalized_number == 1


async def test_a_rewind_takes_what_is_safe_back_but_not_what_is_final(books: Books) -> None:
    for _ in range(5):
        await books.mine(safe=4, final=1)
    await books.rewind(2)
    assert (books.cursor.head_number, books.cursor.safe_number, books.cursor.finalized_number) == (2, 2, 1)


async def test_late_rows_come_and_go_with_the_block_that_noticed_them(books: Books) -> None:
    for _ in range(3):
        await books.mine()
    books.late_transfer(1)
    await books.mine()
    assert await books.rows("SELECT block_number, noticed_block_number FROM ledger.usdc_transfer") == [(1, 4)]
    await books.rewind(3)
    assert await books.rows("SELECT count(*) FROM ledger.usdc_transfer") == [(0,)]
    assert await books.rows("SELECT block_number, block_hash FROM ledger.orphaned_row WHERE table_name <> 'block'") == [
        (1, hash_of(1))
    ]


async def test_a_late_row_that_is_known_stays_as_it_was(books: Books) -> None:
    books.transfer(9, 50, 5)
    await books.mine()
    books.late_transfer(1)
    await books.mine()
    assert await books.rows("SELECT noticed_block_number FROM ledger.usdc_transfer") == [(1,)]


async def test_only_one_connection_may_lead(books: Books, ledger_url: str) -> None:
    from ledger import db

    assert await record.try_lead(books.connection, CHAIN_ID)
    other = await db.connect_async(ledger_url, "molt_indexer", autocommit=True)
    async with other:
        assert not await record.try_lead(other, CHAIN_ID)
        assert await record.try_lead(other, CHAIN_ID + 1)


async def test_a_halt_is_seen_and_ends_with_the_next_batch(books: Books) -> None:
    books.cursor = await record.halt(books.connection, books.cursor, "a reason")
    assert await books.rows("SELECT status, status_detail FROM ledger.cursor") == [("halted", "a reason")]
    await books.mine()
    assert await books.rows("SELECT status, status_detail FROM ledger.cursor") == [("live", None)]


async def test_adopting_another_ledger_writes_what_differs_and_archives_what_goes(books: Books) -> None:
    books.tip()
    await books.mine()
    books.tip(300_000)
    await books.mine(safe=1, final=1)
    await _rebuilt_with(books, second_tip=400_000)
    before = books.cursor
    kept = await books.rows("SELECT ctid FROM ledger.tip_split WHERE block_number = 1")
    books.cursor = await scratch.adopt(books.connection, CHAIN_ID)
    assert books.cursor.epoch == before.epoch + 1
    assert await books.rows("SELECT ctid FROM ledger.tip_split WHERE block_number = 1") == kept
    amounts = "SELECT amount_micro_usdc FROM ledger.tip_split ORDER BY block_number"
    assert await books.rows(amounts) == [(250_000,), (400_000,)]
    gone = "SELECT content ->> 'amount_micro_usdc' FROM ledger.orphaned_row WHERE table_name = 'tip_split'"
    assert await books.rows(gone) == [("300000",)]
    with pytest.raises(record.Fenced):
        await record.halt(books.connection, before, "written by whoever was there before")


async def _rebuilt_with(books: Books, *, second_tip: int) -> None:
    """The same two blocks in the scratch schema, with another second tip."""
    await scratch.create(books.connection)
    cursor = await record.open_cursor(books.connection, DEPLOYMENT, block(0, has_events=False), scratch.SCRATCH)
    rebuilt = Books(books.connection, cursor, books.session)
    rebuilt.tip()
    await rebuilt.mine()
    rebuilt.tip(second_tip)
    await rebuilt.mine(safe=1, final=1)
