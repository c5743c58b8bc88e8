"""Do the ledger's own books balance? Each share of each tip is one transfer of its transaction, or one that is held."""

from indexer.digests import Blocks
from ledger import record
from ledger.reconciliation import Difference


async def unpaid(connection: record.Connection, blocks: Blocks) -> list[Difference]:
    """Shares of the tips in these blocks for which the ledger has fewer transfers, or fewer holds, than there must be.

    A share that is held moves to the splitter, unless an authorization has brought the whole tip there before."""
    found = await connection.execute(_UNPAID, blocks._asdict())
    return [
        Difference(
            "books",
            {"block_number": number, "log_index": log_index},
            f"{what} of {amount} micro-USDC in the transaction of this tip",
            there,
            due,
            (account_id,),
        )
        for number, log_index, account_id, what, amount, due, there in await found.fetchall()
    ]


_UNPAID = """
WITH share AS (
    SELECT tip.block_number, tip.log_index, tip.tx_hash, tip.ref, leg.*, tip.held_mask & leg.bit <> 0 AS held,
        tip.rail = 'authorization' AND tip.held_mask & leg.bit <> 0 AS is_there_already
    FROM ledger.tip_split AS tip
    CROSS JOIN LATERAL (VALUES
        (1, creator_id, creator_share_micro_usdc), (2, creator_id, platform_share_micro_usdc),
        (4, agent_id, agent_share_micro_usdc)) AS leg(bit, account_id, amount)
    WHERE tip.chain_id = %(chain_id)s AND tip.block_number BETWEEN %(first)s AND %(last)s
), due AS (
    SELECT min(block_number) AS block_number, min(log_index) AS log_index, min(account_id) AS account_id,
        tx_hash, amount, CAST(NULL AS bytea) AS ref, count(*) AS due
    FROM share WHERE NOT is_there_already GROUP BY tx_hash, amount
    UNION ALL
    SELECT min(block_number), min(log_index), min(account_id), tx_hash, amount, ref, count(*)
    FROM share WHERE held GROUP BY tx_hash, amount, ref
), there AS (
    SELECT tx_hash, amount_micro_usdc AS amount, CAST(NULL AS bytea) AS ref, count(*) AS there
    FROM ledger.usdc_transfer WHERE chain_id = %(chain_id)s AND block_number BETWEEN %(first)s AND %(last)s
    GROUP BY tx_hash, amount_micro_usdc
    UNION ALL
    SELECT tx_hash, amount_micro_usdc, ref, count(*)
    FROM ledger.share_held WHERE chain_id = %(chain_id)s AND block_number BETWEEN %(first)s AND %(last)s
    GROUP BY tx_hash, amount_micro_usdc, ref
)
SELECT block_number, log_index, account_id, CASE WHEN due.ref IS NULL THEN 'transfers' ELSE 'holds' END,
    due.amount, due.due, coalesce(there.there, 0)
FROM due LEFT JOIN there ON there.tx_hash = due.tx_hash AND there.amount = due.amount
    AND coalesce(there.ref, '') = coalesce(due.ref, '')
WHERE coalesce(there.there, 0) < due.due ORDER BY 1, 2"""
