"""Says now and then how fast a ledger that is behind catches up, and how long that still takes."""

import time
from dataclasses import dataclass

import structlog

_SECONDS = 5.0

log = structlog.get_logger("indexer.progress")


@dataclass
class Progress:
    """Measures from one report to the next."""

    _since: float | None = None
    _from: int = 0

    def report(self, head_number: int, chain_head_number: int) -> None:
        now = time.monotonic()
        if self._since is None:
            self._since, self._from = now, head_number
        elapsed = now - self._since
        if elapsed < _SECONDS:
            return
        blocks_per_second = (head_number - self._from) / elapsed
        left = chain_head_number - head_number
        log.info(
            "catching_up",
            head=head_number,
            blocks_left=left,
            blocks_per_second=round(blocks_per_second),
            seconds_left=round(left / blocks_per_second) if blocks_per_second else None,
        )
        self._since, self._from = now, head_number
