"""What final blocks add up to, stored once and never taken back: only the indexer imports it.

A watermark, `rolled_up_number`, runs behind finality; the tables say all of the blocks up to it, and `ledger.balances`
adds what is newer when it reads. A rewind stops at finality, so it touches nothing here; only `scratch.adopt`
empties these tables. `rederive` proves them equal to the facts.
"""

from typing import Any

import psycopg

from ledger.facts import SCHEMA
from ledger.record import Connection, Cursor, Fenced

_SLICE_TIPS = 50_000
"""At most about that many tips at once (a block is never cut): what one transaction holds and sorts is bounded."""


async def advance(connection: Connection, cursor: Cursor, *, at_most_blocks: int = 1_000_000) -> int:
    """Takes the next final blocks into the rollups, and moves the watermark with them, in one transaction.

    Answers how many blocks; 0 when none waits. Any connection of the writer will do, also while another one appends:
    what is final does not change. Raises Fenced: then nothing is changed.
    """
    if cursor.schema != SCHEMA:
        return 0
    rolled_up = await rolled_up_number(connection, cursor)
    if rolled_up >= cursor.finalized_number:
        return 0
    furthest = min(cursor.finalized_number, rolled_up + at_most_blocks)
    async with connection.transaction():
        slice_ = {"chain_id": cursor.chain_id, "after": rolled_up, "until": furthest, "tips": _SLICE_TIPS}
        slice_["until"] = await _first(connection, _END_OF_SLICE, slice_) or furthest
        await _execute(connection, _INSERT_WATERMARK, slice_)
        moved = await _execute(connection, _MOVE_WATERMARK, {**slice_, "epoch": cursor.epoch})
        if moved.rowcount != 1:
            raise Fenced(f"the rollups of chain {cursor.chain_id} are no longer at block {rolled_up}")
        await _execute(connection, _ADD_TIPS, slice_)
        await _execute(connection, _OPEN_AND_CLOSE_BUCKETS, slice_)
    return slice_["until"] - rolled_up


async def rolled_up_number(connection: Connection, cursor: Cursor) -> int:
    """The watermark; the block before the start when nothing was rolled up yet."""
    found = await _first(connection, WATERMARK, {"chain_id": cursor.chain_id})
    return cursor.start_number - 1 if found is None else found


async def _first(connection: Connection, query: str, parameters: dict[str, Any]) -> int | None:
    row = await (await _execute(connection, query, parameters)).fetchone()
    return row[0] if row else None


async def _execute(connection: Connection, query: str, parameters: dict[str, Any]) -> psycopg.AsyncCursor[Any]:
    return await connection.execute(query, parameters)


WATERMARK = "SELECT rolled_up_number FROM ledger.rollup_cursor WHERE chain_id = %(chain_id)s"

_INSERT_WATERMARK = "INSERT INTO ledger.rollup_cursor VALUES (%(chain_id)s, %(after)s) ON CONFLICT DO NOTHING"

# Fences twice: who lost the lead has an old epoch, and who comes second finds the watermark moved (or, after a fresh
# start, gone). The row stays locked until the slice is committed.
_MOVE_WATERMARK = """
UPDATE ledger.rollup_cursor SET rolled_up_number = %(until)s
 WHERE chain_id = %(chain_id)s AND rolled_up_number = %(after)s
   AND EXISTS (SELECT FROM ledger.cursor
                WHERE cursor.chain_id = %(chain_id)s AND epoch = %(epoch)s AND finalized_number >= %(until)s)"""

_END_OF_SLICE = """
SELECT block_number FROM ledger.tip_split
 WHERE chain_id = %(chain_id)s AND block_number > %(after)s AND block_number <= %(until)s
 ORDER BY block_number OFFSET %(tips)s LIMIT 1"""

TIPS_OF_BLOCKS = """
SELECT tip.chain_id, CAST(timezone('UTC', block.timestamp) AS date) AS day, ref, creator_id, agent_id,
       count(*) AS tips,
       CAST(sum(creator_share_micro_usdc) AS bigint) AS creator_earned,
       CAST(sum(platform_share_micro_usdc) AS bigint) AS platform_earned,
       CAST(sum(agent_share_micro_usdc) AS bigint) AS agent_earned,
       CAST(coalesce(sum(creator_share_micro_usdc) FILTER (WHERE held_mask & 1 <> 0), 0) AS bigint) AS creator_held,
       CAST(coalesce(sum(platform_share_micro_usdc) FILTER (WHERE held_mask & 2 <> 0), 0) AS bigint) AS platform_held,
       CAST(coalesce(sum(agent_share_micro_usdc) FILTER (WHERE held_mask & 4 <> 0), 0) AS bigint) AS agent_held,
       max(tip.block_number) AS last_block_number, min(tip.block_number) AS first_block_number
  FROM ledger.tip_split tip
  JOIN ledger.block ON block.chain_id = tip.chain_id AND block.number = tip.block_number
 WHERE tip.chain_id = %(chain_id)s AND tip.block_number > %(after)s AND tip.block_number <= %(until)s
 GROUP BY tip.chain_id, day, ref, creator_id, agent_id"""

TIP_COLUMNS = """chain_id, day, ref, creator_id, agent_id, tips, creator_earned, platform_earned, agent_earned,
       creator_held, platform_held, agent_held, last_block_number"""

DAYS = """
SELECT chain_id, day, CAST(sum(tips) AS bigint), CAST(sum(platform_earned) AS bigint),
       CAST(sum(platform_held) AS bigint), min(first_block_number), max(last_block_number)
  FROM slice GROUP BY chain_id, day"""

_ADD_TIPS = f"""
WITH slice AS ({TIPS_OF_BLOCKS}), days AS (
  INSERT INTO ledger.day_rollup AS before {DAYS}
  ON CONFLICT (chain_id, day) DO UPDATE SET
    tips = before.tips + excluded.tips,
    platform_earned_micro_usdc = before.platform_earned_micro_usdc + excluded.platform_earned_micro_usdc,
    platform_held_micro_usdc = before.platform_held_micro_usdc + excluded.platform_held_micro_usdc,
    last_block_number = excluded.last_block_number)
INSERT INTO ledger.tip_rollup AS before SELECT {TIP_COLUMNS} FROM slice
ON CONFLICT (chain_id, day, ref, creator_id, agent_id) DO UPDATE SET
  tips = before.tips + excluded.tips,
  creator_earned_micro_usdc = before.creator_earned_micro_usdc + excluded.creator_earned_micro_usdc,
  platform_earned_micro_usdc = before.platform_earned_micro_usdc + excluded.platform_earned_micro_usdc,
  agent_earned_micro_usdc = before.agent_earned_micro_usdc + excluded.agent_earned_micro_usdc,
  creator_held_micro_usdc = before.creator_held_micro_usdc + excluded.creator_held_micro_usdc,
  platform_held_micro_usdc = before.platform_held_micro_usdc + excluded.platform_held_micro_usdc,
  agent_held_micro_usdc = before.agent_held_micro_usdc + excluded.agent_held_micro_usdc,
  last_block_number = excluded.last_block_number"""  # noqa: S608 - constants only

_MOVES = " UNION ALL ".join(
    f"SELECT chain_id, account_id, expires_at, {sign}amount_micro_usdc AS amount FROM ledger.{table}"  # noqa: S608 - constants only
    " WHERE chain_id = %(chain_id)s AND block_number > %(after)s AND block_number <= %(until)s"
    for table, sign in (("share_held", ""), ("share_claimed", "-"), ("share_swept", "-"))
)

# By how much the slice changes each bucket.
MOVED = f"""
SELECT chain_id, account_id, expires_at, CAST(sum(amount) AS bigint) AS amount
  FROM ({_MOVES}) each GROUP BY chain_id, account_id, expires_at"""  # noqa: S608 - constants only

_OPEN_AND_CLOSE_BUCKETS = f"""
WITH moved AS ({MOVED}), bucket AS (
  SELECT chain_id, account_id, expires_at, coalesce(before.amount_micro_usdc, 0) + moved.amount AS amount
    FROM moved LEFT JOIN ledger.open_bucket before USING (chain_id, account_id, expires_at)), closed AS (
  DELETE FROM ledger.open_bucket USING bucket
   WHERE open_bucket.chain_id = bucket.chain_id AND open_bucket.account_id = bucket.account_id
     AND open_bucket.expires_at = bucket.expires_at AND amount = 0)
INSERT INTO ledger.open_bucket SELECT chain_id, account_id, expires_at, amount FROM bucket WHERE amount <> 0
ON CONFLICT (chain_id, account_id, expires_at) DO UPDATE SET amount_micro_usdc = excluded.amount_micro_usdc
"""  # noqa: S608 - constants only
