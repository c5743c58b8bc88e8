"""`python -m indexer run | backfill | verify | rebuild | migrate | status`."""

import argparse
import asyncio
import json
import signal
import sys

import psycopg
import structlog
from pydantic import ValidationError

from indexer import chain as rpc
from indexer import follow, lead, report, verify
from indexer import log as logs
from indexer.metrics import served
from indexer.settings import Settings
from indexer.status import Status
from ledger import db, deployment, reconciliation, record

log = structlog.get_logger("indexer")

_COMMANDS = {
    "run": "follow the chain until stopped; a second one stands by",
    "backfill": "follow up to the chain's head, then end",
    "verify": "rebuild from the chain into a scratch schema and compare; exit 1 when anything differs",
    "rebuild": "empty the ledger of this chain and fill it anew (no other indexer may run)",
    "migrate": "bring the schema up to date",
    "status": "print where the ledger stands, as JSON",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m indexer", description="Copies the chain into the ledger.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in _COMMANDS.items():
        commands.add_parser(name, help=what, description=what)
    command = parser.parse_args().command
    try:
        settings = Settings()
    except ValidationError as error:
        return _fail(_setting_errors(error))
    logs.configure(settings.log_format, settings.log_level)
    try:
        if command == "migrate":
            db.migrate(settings.database_url, "ledger")
            return 0
        return asyncio.run(_run(command, settings))
    except (
        deployment.DeploymentUnreadable,
        deployment.NotDeployed,
        lead.WrongChain,
        record.OtherDeployment,
        rpc.Unavailable,
        psycopg.OperationalError,
    ) as error:
        return _fail(str(error))
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName) as error:
        return _fail(f"{error}: run `python -m indexer migrate` first")


async def _run(command: str, settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    async with rpc.Chain(settings.rpc_urls) as chain:
        match command:
            case "verify":
                return await verify.run(settings, chain)
            case "status":
                return await _print_status(settings)
            case "rebuild":
                return await _rebuild(settings, chain, stop)
        status = Status()
        async with served(status, chain, settings.metrics_host, settings.metrics_port):
            await lead.run(settings, status, chain, stop, _caught_up if command == "backfill" else None)
    return 0


async def _caught_up(mirror: follow.Mirror) -> bool:
    return mirror.cursor.head_number >= mirror.cursor.chain_head_number


async def _rebuild(settings: Settings, chain: rpc.Chain, stop: asyncio.Event) -> int:
    scope = lead.scope_of(settings)
    connection = await db.connect_async(settings.database_url, "molt_indexer", autocommit=True)
    async with connection:
        if not await record.try_lead(connection, settings.chain_id):
            return _fail("an indexer is running on this ledger: stop it first, then rebuild")
        mirror = await follow.open_mirror(chain, connection, scope, Status())
        await mirror.start_over()
        await follow.follow(mirror, poll_seconds=settings.poll_seconds, stop=stop, done=_caught_up)
    log.info("rebuilt", head=mirror.cursor.head_number)
    return 0


async def _print_status(settings: Settings) -> int:
    connection = await db.connect_async(settings.database_url, "molt_indexer", autocommit=True)
    async with connection:
        cursor = await record.read_cursor(connection, settings.chain_id)
        differences = await reconciliation.open_differences(connection, settings.chain_id)
    if cursor is None:
        return _fail(f"nothing is mirrored of chain {settings.chain_id} yet: start `python -m indexer run`")
    lag = cursor.chain_head_number - cursor.head_number
    said = {**cursor.__dict__, "head_hash": "0x" + cursor.head_hash.hex(), "lag_blocks": lag}
    said["differences"] = [report.said(each) for each in differences]
    print(json.dumps(said, default=str))  # noqa: T201
    return int(cursor.status == "halted" or bool(differences))


def _setting_errors(error: ValidationError) -> str:
    lines = [f"{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()]
    return "settings are wrong or missing (see .env.example):\n  " + "\n  ".join(lines)


def _fail(why: str) -> int:
    print(f"indexer: {why}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main())
