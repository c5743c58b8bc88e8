"""`python -m relayer run | migrate | status`."""

import argparse
import asyncio
import logging
import signal
import sys
from decimal import Decimal

import structlog
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.typing import Processor

from ledger import db
from relayer import outbox, service, settings
from relayer.settings import WEI_PER_ETH, DatabaseSettings, RelayerSettings, SettingsError


def main() -> int:
    parser = argparse.ArgumentParser(prog="relayer", description="Sends what the platform asks for, exactly once.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="send until stopped")
    commands.add_parser("migrate", help="bring schema `relay` up to date (after `python -m indexer migrate`)")
    commands.add_parser("status", help="keys, their alarms, and how much is in which state")
    command = parser.parse_args().command
    try:
        return {"run": _run, "migrate": _migrate, "status": _status}[command]()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before there is a log
        return 2


def _run() -> int:
    loaded = settings.load()
    _configure_log(loaded)
    asyncio.run(_until_stopped(loaded))
    return 0


async def _until_stopped(loaded: RelayerSettings) -> None:
    running = asyncio.create_task(service.run(loaded))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        structlog.get_logger().info("relayer_stopped")


def _migrate() -> int:
    loaded = settings.load_database()
    _configure_log(loaded)
    db.migrate(loaded.database_url, "relayer")
    return 0


def _status() -> int:
    loaded = settings.load_database()
    asyncio.run(_print_status(loaded.database_url))
    return 0


async def _print_status(database_url: str) -> None:
    engine = db.async_engine(database_url, "molt_relayer")
    async with AsyncSession(engine) as session:
        lanes = await outbox.lanes(session)
        states = await session.execute(
            text(
                """SELECT key_name, sender, state, count(*), count(*) FILTER (WHERE settled_at IS NULL)
                FROM relay.outbox GROUP BY key_name, sender, state ORDER BY key_name, sender, state"""
            )
        )
        counted = states.all()
    await engine.dispose()
    keys = Table("key", "chain", "next nonce", "balance (ETH)", "seen", "what to look at", title="Keys")
    for lane in lanes:
        keys.add_row(
            "0x" + lane.address.hex(),
            str(lane.chain_id),
            str(lane.next_nonce),
            "?" if lane.balance_wei is None else f"{Decimal(lane.balance_wei) / WEI_PER_ETH:.6f}",
            f"{lane.seen_seconds_ago:.0f} s ago",
            lane.halted or lane.alarm or "",
        )
    requests = Table("name", "sent by", "state", "requests", "of them open", title="Requests")
    for key_name, sender, state, count, open_count in counted:
        requests.add_row(key_name, "0x" + sender.hex() if sender else "", state, str(count), str(open_count))
    console = Console()
    console.print(keys)
    console.print(requests)


def _configure_log(loaded: DatabaseSettings) -> None:
    """Events on stderr, one line each. Tracebacks come without local variables: those may hold secrets."""
    endings: list[Processor] = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    if loaded.log_format == "json":
        transformer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        endings = [structlog.processors.ExceptionRenderer(transformer), structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *endings,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[loaded.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
