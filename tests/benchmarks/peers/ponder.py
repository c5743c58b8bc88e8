"""Ponder (npm `ponder`), measured and followed. Its project is the folder of the same name.

It reads blocks with their transactions and logs by filter, keeps the raw answers in a schema of its own
(`ponder_sync`), and writes the tables by COPY while it backfills. It calls a block final 30 blocks below the head: up
to there it backfills; from there on it goes block by block. `end_block` should thus be 30 blocks old, to be fair to it.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ledger.deployment import Deployment
from tests.benchmarks.peers import peer
from tests.benchmarks.peers.peer import Measured, PeerUnavailable, Progress, Task

VERSION = "0.17.7"
SCHEMA = "peer_ponder"
TABLES = (
    "tip_split",
    "share_held",
    "share_claimed",
    "share_swept",
    "wallet_set",
    "vault_deployed",
    "vault_flushed",
    "usdc_transfer",
    "authorization_used",
)
_UNPACED = 25
"""So many times its endpoint is named: each is paced by itself, from 20 requests a second on."""


def installed() -> Path | None:
    return peer.installed("ponder")


def install() -> Path:
    """Raises PeerUnavailable."""
    return peer.install("ponder")


def backfill(  # noqa: PLR0917 (every peer is asked in the same words)
    rpc_url: str,
    database_url: str,
    deployment: Deployment,
    payers: Sequence[str],
    start_block: int,
    end_block: int,
    *,
    unpaced: bool = False,
    within_seconds: float = 1800,
    expected: int | None = None,
) -> Measured:
    """Indexes the blocks into `database_url` (schemas `peer_ponder` and `ponder_sync`, emptied before).

    With the defaults it paces its requests, as its users get it; `unpaced` names the endpoint 25 times. `expected` is
    what `peer.expected_rows` says, when the caller knows it already.
    """
    task = Task(rpc_url, deployment, payers, start_block, end_block)
    try:
        folder = installed() or install()
        rows = peer.expected_rows(task) if expected is None else expected
        started = time.monotonic()
        with (
            _running(folder, task, database_url, times=_UNPACED if unpaced else 1) as child,
            psycopg.connect(database_url, autocommit=True) as connection,
        ):
            found = peer.wait_until_complete(child, folder, lambda: _progress(connection), rows, within_seconds)
            seconds = time.monotonic() - started
    except PeerUnavailable as reason:
        return Measured(VERSION, unavailable=str(reason))
    return Measured(VERSION, found.rows, seconds, found.rows_by_table)


@contextmanager
def live(  # noqa: PLR0917
    rpc_url: str, ws_url: str | None, database_url: str, deployment: Deployment, payers: Sequence[str], start_block: int
) -> Iterator[str]:
    """Keeps Ponder at the head; yields the schema with its TABLES once it is ready, as it says.

    Raises PeerUnavailable. Then it has what it calls final; the next new block brings the blocks since, and not before
    does it index them. With `ws_url` it hears of new blocks; without, it asks once a second (its default).
    """
    folder = installed() or install()
    task = Task(rpc_url, deployment, payers, start_block, None)
    with _running(folder, task, database_url, ws_url=ws_url) as child:
        with psycopg.connect(database_url, autocommit=True) as connection:
            peer.wait_until_complete(
                child, folder, lambda: Progress(_says_ready(connection), {}), 0, within_seconds=300
            )
        yield SCHEMA


@contextmanager
def _running(
    folder: Path, task: Task, database_url: str, *, times: int = 1, ws_url: str | None = None
) -> Iterator[peer.Child]:
    peer.drop_schemas(database_url, SCHEMA, "ponder_sync")
    environment = {
        **task.environment(),
        "PEER_RPC_TIMES": str(times),
        "DATABASE_URL": database_url,
        "NODE_ENV": "production",
        "PONDER_TELEMETRY_DISABLED": "1",
        **({"PEER_WS_URL": ws_url} if ws_url else {}),
    }
    main = folder / "node_modules/ponder/dist/esm/bin/ponder.js"
    options = ["--schema", SCHEMA, "--port", str(peer.free_port()), "--log-level", "info"]
    with peer.process([peer.node(folder), main, "start", *options], folder, environment) as child:
        yield child


def _progress(connection: psycopg.Connection) -> Progress:
    ready = _says_ready(connection)
    return Progress(ready, peer.count_rows(connection, SCHEMA, TABLES) if ready else {})


def _says_ready(connection: psycopg.Connection) -> bool:
    try:
        row = connection.execute(f"SELECT value->>'is_ready' FROM {SCHEMA}._ponder_meta WHERE key = 'app'").fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return False  # it has not come so far
    return row is not None and row[0] == "1"
