"""Where the ledger's chain and the node's part."""

from indexer.chain import Chain
from indexer.proof import BadAnswer
from ledger import record

_STEP = 32


class DeepReorg(Exception):
    """The chain no longer has the block that was finalized: the ledger may not be rewound that far.

    Either the node is on another chain or lost its data, or finality failed. See docs/runbook.md.
    """


async def find_ancestor(
    chain: Chain, connection: record.Connection, cursor: record.Cursor, node_head_number: int
) -> int:
    """The highest block that is both in the ledger and on the node's chain. Raises DeepReorg, chain.Unavailable."""
    top = min(cursor.head_number, node_head_number)
    while top >= cursor.finalized_number:
        numbers = range(top, max(cursor.finalized_number, top - _STEP + 1) - 1, -1)
        stored = {block.number: block.hash for block in await record.stored_blocks(connection, cursor, numbers)}
        for header in await chain.headers(numbers):
            if header.height not in stored:
                raise BadAnswer(f"block {header.height} is not in the ledger")
            if "0x" + stored[header.height].hex() == header.hash:
                return header.height
        top = numbers[-1] - 1
    raise DeepReorg(
        f"{chain.provider.name} has another block {cursor.finalized_number} than the finalized one in the ledger"
    )
