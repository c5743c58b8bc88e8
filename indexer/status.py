"""What this process knows of itself: counters that `/metrics` shows, and whether the ledger may be relied upon."""

from collections import Counter
from dataclasses import dataclass, field

from ledger.record import Cursor

_READY_LAG_BLOCKS = 30


@dataclass
class Status:
    """Numbers of this process; what must survive it is in `ledger.cursor`."""

    cursor: Cursor | None = None
    leading: bool = False
    rows: Counter[str] = field(default_factory=Counter)
    """By table."""
    blocks: int = 0
    batches: int = 0
    reorgs: Counter[int] = field(default_factory=Counter)
    """By depth in blocks."""
    retries: Counter[str] = field(default_factory=Counter)
    """By kind of fault."""
    proof_level: str = "none"
    """How far the newest batch was proven."""
    differences: int = 0
    """Open ones, between the ledger and the chain, as reconciliation found them."""
    difference: str | None = None
    """The first of them, naming account, block and rows."""
    reconciled_at: float | None = None
    """When reconciliation last ended a round: seconds since 1970."""

    def not_ready(self) -> str | None:
        """Why numbers read from the ledger may be wrong or old; None when they may not."""
        if self.cursor is None:
            return "has not read the ledger's cursor yet"
        if self.cursor.status == "halted":
            return f"halted: {self.cursor.status_detail}"
        if self.differences:
            return f"{self.differences} differences between ledger and chain, the first: {self.difference}"
        lag = lag_blocks(self.cursor)
        return f"{lag} blocks behind the chain" if lag > _READY_LAG_BLOCKS else None


def lag_blocks(cursor: Cursor) -> int:
    """Blocks that the chain has and the ledger has not."""
    return max(0, cursor.chain_head_number - cursor.head_number)
