"""What a person or a monitor can see of a running indexer: counters, `/metrics` (Prometheus text) and `/ready`."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from indexer.chain import Chain
from ledger.record import Cursor

_READY_LAG_BLOCKS = 30
_PROGRESS_SECONDS = 5.0

log = structlog.get_logger("indexer.status")


@dataclass
class Status:
    """Numbers of this process; what must survive it is in `ledger.cursor`."""

    started_at: float = field(default_factory=time.monotonic)
    cursor: Cursor | None = None
    leading: bool = False
    rows: Counter[str] = field(default_factory=Counter)
    blocks: int = 0
    reorgs: Counter[int] = field(default_factory=Counter)
    """By depth in blocks."""
    retries: Counter[str] = field(default_factory=Counter)
    """By kind of fault."""

    def not_ready(self) -> str | None:
        """Why numbers read from the ledger may be wrong or old; None when they may not."""
        if self.cursor is None:
            return "has not read the ledger's cursor yet"
        if self.cursor.status == "halted":
            return f"halted: {self.cursor.status_detail}"
        lag = self.cursor.chain_head_number - self.cursor.head_number
        return f"{lag} blocks behind the chain" if lag > _READY_LAG_BLOCKS else None


@dataclass
class Progress:
    """Says now and then how fast a ledger that is behind catches up."""

    _since: float | None = None
    _from: int = 0

    def report(self, head_number: int, chain_head_number: int) -> None:
        now = time.monotonic()
        if self._since is None:
            self._since, self._from = now, head_number
        elapsed = now - self._since
        if elapsed < _PROGRESS_SECONDS:
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


def render(status: Status, chain: Chain) -> str:
    """The Prometheus text format."""
    lines = [
        f"molt_indexer_up_seconds {time.monotonic() - status.started_at:.0f}",
        f"molt_indexer_leading {int(status.leading)}",
        f"molt_indexer_ready {int(status.not_ready() is None)}",
        f"molt_indexer_blocks_total {status.blocks}",
    ]
    if cursor := status.cursor:
        lines += [
            f"molt_indexer_head_block {cursor.head_number}",
            f"molt_indexer_safe_block {cursor.safe_number}",
            f"molt_indexer_finalized_block {cursor.finalized_number}",
            f"molt_indexer_lag_blocks {cursor.chain_head_number - cursor.head_number}",
            f"molt_indexer_head_age_seconds {time.time() - cursor.head_timestamp.timestamp():.0f}",
            f"molt_indexer_halted {int(cursor.status == 'halted')}",
        ]
    lines += [f'molt_indexer_rows_total{{table="{table}"}} {count}' for table, count in status.rows.items()]
    lines += [f'molt_indexer_reorgs_total{{depth="{depth}"}} {count}' for depth, count in status.reorgs.items()]
    lines += [f'molt_indexer_retries_total{{kind="{kind}"}} {count}' for kind, count in status.retries.items()]
    lines += [
        f'molt_indexer_rpc_total{{provider="{provider.name}",outcome="{outcome}"}} {count}'
        for provider in chain.providers
        for outcome, count in provider.outcomes.items()
    ]
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def served(status: Status, chain: Chain, port: int) -> AsyncIterator[int]:
    """Serves `/metrics` and `/ready` on 127.0.0.1 while the context lasts; yields the port. 0 serves nothing."""
    if port == 0:
        yield 0
        return
    pages: dict[str, Callable[[], tuple[int, str]]] = {
        "/metrics": lambda: (200, render(status, chain)),
        "/ready": lambda: _readiness(status),
    }
    server = await asyncio.start_server(lambda r, w: _answer(r, w, pages), "127.0.0.1", port)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _readiness(status: Status) -> tuple[int, str]:
    why = status.not_ready()
    return (503, f"{why}\n") if why else (200, "ready\n")


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pages: dict[str, Callable[[], tuple[int, str]]]
) -> None:
    try:
        request = (await asyncio.wait_for(reader.readline(), timeout=5)).decode("latin-1").split(" ")
        page = pages.get(request[1]) if len(request) > 1 else None
        code, body = page() if page else (404, "not found\n")
        head = f"HTTP/1.1 {code} -\r\nContent-Type: text/plain\r\nContent-Length: {len(body.encode())}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n{body}".encode())
        await writer.drain()
    except (TimeoutError, ConnectionError):
        pass  # whoever asked is gone
    finally:
        writer.close()
