"""The synthetic market keeps the laws of the books: else what is measured on it says nothing."""

from ledger import db, facts, record, rederive
from tests.benchmarks.scale.__main__ import Loader, deployment, hash_of
from tests.benchmarks.scale.market import CHAIN_ID, START, Market
from tests.ledger.books import account

# Three transfers stand right before a tip (or before the log of its held share), and are its amount.
_UNEQUAL = """
SELECT count(*), count(*) FILTER (WHERE amount <> paid) FROM (
  SELECT tip.amount_micro_usdc AS amount, (
    SELECT sum(paid.amount_micro_usdc) FROM ledger.usdc_transfer paid
     WHERE paid.block_number = tip.block_number AND paid.tx_hash = tip.tx_hash
       AND paid.log_index < tip.log_index
       AND paid.log_index >= tip.log_index - CASE WHEN held_mask = 0 THEN 3 ELSE 4 END) AS paid
    FROM ledger.tip_split tip) split"""


async def test_the_market_is_taken_by_the_real_writer(ledger_url: str) -> None:
    market = Market(first_creator=account(1), first_agent=account(2))
    connection = await db.connect_async(ledger_url, "molt_indexer", autocommit=True)
    async with connection:
        start = facts.Block(CHAIN_ID, 0, hash_of(0), hash_of(0), START, has_events=False)
        loader = Loader(connection, await record.open_cursor(connection, deployment(market), start), market)
        await loader.fill(12_000)
        tips, unequal = await (await connection.execute(_UNEQUAL)).fetchone() or (0, 0)
        assert (tips > 500, unequal) == (True, 0)
        assert await rederive.differences(connection, CHAIN_ID) == []
