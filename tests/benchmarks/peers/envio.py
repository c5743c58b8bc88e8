"""Envio HyperIndex (npm `envio`), measured. Its project is the folder of the same name.

With an RPC as its source, as for a chain without the data service of Envio, and PostgreSQL alone: no Hasura. It reads
logs by filter and one block for each block with events, and writes each table in batches of 5,000 events.
"""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ledger.deployment import Deployment
from tests.benchmarks.peers import peer
from tests.benchmarks.peers.peer import Measured, PeerUnavailable, Progress, Task

VERSION = "3.0.0-alpha.21"
SCHEMA = "peer_envio"
TABLES = (*peer.SPLITTER_EVENTS, "UsdcTransfer", "AuthorizationUsed")


def installed() -> Path | None:
    return peer.installed("envio")


def install() -> Path:
    """Raises PeerUnavailable."""
    return peer.install("envio")


def backfill(  # noqa: PLR0917 (every peer is asked in the same words)
    rpc_url: str,
    database_url: str,
    deployment: Deployment,
    payers: Sequence[str],
    start_block: int,
    end_block: int,
    *,
    within_seconds: float = 1800,
    expected: int | None = None,
) -> Measured:
    """Indexes the blocks into schema `peer_envio` of `database_url`, emptied before.

    Without `payers` it keeps all of USDC's transfers: whose belong to a tip is known only once the tip is read, and its
    filter cannot be changed then. Not timed is its code generation, which compiles the addresses into the project.
    `expected` is what `peer.expected_rows` says, when the caller knows it already.
    """
    task = Task(rpc_url, deployment, payers, start_block, end_block)
    try:
        folder = installed() or install()
        rows = peer.expected_rows(task) if expected is None else expected
        environment = {**task.environment(), **_settings(database_url)}
        _generate(folder, environment)
        peer.drop_schemas(database_url, SCHEMA)
        # What `envio start` ends in. The command itself first opens a database by TCP, where ours have a socket.
        command = [peer.node(folder), "--no-warnings", folder / "generated/src/Index.res.mjs"]
        with psycopg.connect(database_url, autocommit=True) as connection:
            started = time.monotonic()
            with peer.process(command, folder, environment) as child:
                found = peer.wait_until_complete(
                    child, folder, lambda: _progress(connection, end_block), rows, within_seconds
                )
                seconds = time.monotonic() - started
    except PeerUnavailable as reason:
        return Measured(VERSION, unavailable=str(reason))
    return Measured(VERSION, found.rows, seconds, found.rows_by_table)


def _settings(database_url: str) -> dict[str, str]:
    server = conninfo_to_dict(database_url)
    return {
        "ENVIO_PG_HOST": str(server.get("host") or "localhost"),
        "ENVIO_PG_PORT": str(server.get("port") or 5432),
        "ENVIO_PG_USER": str(server.get("user") or "postgres"),
        "ENVIO_PG_PASSWORD": str(server.get("password") or ""),
        "ENVIO_PG_DATABASE": str(server["dbname"]),
        "ENVIO_PG_SCHEMA": SCHEMA,
        "ENVIO_HASURA": "false",
        "ENVIO_INDEXER_PORT": str(peer.free_port()),
        "TUI_OFF": "true",
    }


def _generate(folder: Path, environment: Mapping[str, str]) -> None:
    """`envio codegen`. It calls pnpm to install what npm has installed already, as locked: here that does nothing."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    pnpm = tools / "pnpm"
    pnpm.write_text('#!/bin/sh\ncase "$1" in install | --version) exit 0 ;; esac\nexec "$@"\n')
    pnpm.chmod(0o755)
    link = folder / "node_modules/generated"
    if not link.is_symlink():
        link.symlink_to("../generated")
    main = folder / f"node_modules/{_platform_package(folder)}/bin/envio"
    with peer.process([main, "codegen"], folder, environment) as child:
        try:
            code = child.wait(180)
        except subprocess.TimeoutExpired as error:
            raise PeerUnavailable(f"its code generation took over 180 s; {peer.last_words(folder)}") from error
    if code != 0:
        raise PeerUnavailable(f"its code generation failed; {peer.last_words(folder)}")


def _platform_package(folder: Path) -> str:
    found = next(folder.glob("node_modules/envio-*-*/bin/envio"), None)
    if found is None:
        raise PeerUnavailable("npm has no build of Envio for this machine")
    found.chmod(0o755)
    return found.parents[1].name


def _progress(connection: psycopg.Connection, end_block: int) -> Progress:
    try:
        row = connection.execute(f"SELECT min(progress_block) FROM {SCHEMA}.envio_chains").fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return Progress(caught_up=False, rows_by_table={})  # it has not come so far
    done = row is not None and row[0] is not None and row[0] >= end_block
    return Progress(done, peer.count_rows(connection, SCHEMA, TABLES) if done else {})
