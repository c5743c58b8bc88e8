"""What a node may do wrong, each with how likely it is in one request."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Faults:
    """Probabilities from 0 to 1. Those marked "for a while" go on for some requests once they began."""

    drop: float = 0
    """Hangs up instead of answering."""
    delay: float = 0
    """Answers late, by up to `delay_seconds`."""
    too_many: float = 0
    """HTTP 429 with Retry-After, for a while."""
    fail: float = 0
    """HTTP 500, 502 or 503."""
    html: float = 0
    """HTTP 200 with a page for people."""
    cut_body: float = 0
    """The first half of the JSON."""
    error: float = 0
    """One question of a batch answered with a JSON-RPC error."""
    unanswered: float = 0
    """One question of a batch not answered at all."""
    reorder: float = 0
    """The answers of a batch in another order, which the specification allows."""
    empty: float = 0
    """No logs, where there are some; null for a block or for receipts."""
    leave_out: float = 0
    """One log missing, in an answer of logs or of receipts."""
    cut_tail: float = 0
    """The later half of the logs missing."""
    shuffle: float = 0
    """Logs in another order."""
    duplicate: float = 0
    """One log twice."""
    removed: float = 0
    """One log marked `removed: true`."""
    alter: float = 0
    """One digit changed: in a log's data, or in a header's bloom, root or time."""
    lag: float = 0
    """Speaks as if it were some blocks behind, with an empty success past its head; for a while."""
    fork: float = 0
    """Answers as it did some time ago, of blocks that may be orphans by now; for a while."""
    mixed: float = 0
    """Two nodes under one address: each question of a batch put to the newest one, or to one with an old view."""
    orphan_final: float = 0
    """A cache before it: calls a block `finalized` that the chain has left."""
    early_final: float = 0
    """Calls its newest block `finalized`."""
    narrow: float = 0
    """Refuses wide ranges of `eth_getLogs`, in the words of one provider or another, with a hint or without; for a
    while."""
    other_chain: float = 0
    """Tells another chain id."""
    ws_refuse: float = 0
    """Takes no WebSocket connection."""
    ws_cut: float = 0
    """Cuts the WebSocket instead of passing on what came."""
    ws_silence: float = 0
    """Passes nothing on any more, and keeps the WebSocket open."""
    ws_old: float = 0
    """Says over WebSocket what it said some time ago instead of what is new."""
    delay_seconds: float = 0.05
    retry_after_seconds: int = 1

    @classmethod
    def every(cls, probability: float, **changes: float) -> "Faults":
        """All of them, each as likely, with exceptions by name."""
        return replace(cls(**dict.fromkeys(NAMES, probability)), **changes)


NAMES = tuple(each.name for each in fields(Faults) if not each.name.endswith("_seconds"))
NONE = Faults()
