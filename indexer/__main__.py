"""`python -m indexer run | backfill | verify | rebuild | status | migrate`. Data on stdout, all else on stderr."""

import gc

gc.disable()  # nothing of what is imported now is garbage: looking for it takes a fifth of the start

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import IntEnum
from types import FrameType

import psycopg
import structlog
import uvloop
from pydantic import ValidationError

from indexer import chain as rpc
from indexer import follow, lead, progress
from indexer import log as logs
from indexer.settings import Settings
from indexer.status import Status
from ledger import db, deployment, record

log = structlog.get_logger("indexer")


class Exit(IntEnum):
    """What the exit code says; `--help` shows these words."""

    DONE = 0
    LOOK = 1
    WRONG_SETTINGS = 2
    UNREACHABLE = 3
    SCHEMA_BEHIND = 4
    REFUSED = 5


_EXIT_CODES = """exit codes:
  0  done, or all is well
  1  somebody should look: `verify` found differences, `status` an alarm; or a signal ended the command before its work
  2  usage, settings or deployment are wrong; nothing was begun
  3  the database or the chain cannot be reached; the same command may succeed later
  4  the schema is not there or older than this code: `python -m indexer migrate`
  5  refused: not confirmed

SIGTERM and SIGINT end every command within a second, at a point that costs nothing; a second SIGINT kills.
docs/runbook.md says what each message means and what to do."""

_FAILURES: tuple[tuple[tuple[type[Exception], ...], Exit, str], ...] = (
    (
        (deployment.DeploymentUnreadable, deployment.NotDeployed, lead.WrongChain),
        Exit.WRONG_SETTINGS,
        "CHAIN_ID, RPC_URLS and DEPLOYMENT_FILE must be of one chain",
    ),
    (
        (record.OtherDeployment,),
        Exit.WRONG_SETTINGS,
        "DEPLOYMENT_FILE and DATABASE_URL do not belong together: docs/runbook.md, Another deployment",
    ),
    (
        (psycopg.errors.InsufficientPrivilege,),
        Exit.WRONG_SETTINGS,
        "the login in DATABASE_URL must be a member of role molt_indexer; `migrate` needs the database's owner",
    ),
    (
        (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName),
        Exit.SCHEMA_BEHIND,
        "run `python -m indexer migrate` first",
    ),
    ((rpc.Unavailable,), Exit.UNREACHABLE, "see that one of RPC_URLS answers, then try again"),
    (
        (psycopg.OperationalError,),
        Exit.UNREACHABLE,
        "see that PostgreSQL runs and DATABASE_URL names it, then try again",
    ),
)
"""What may happen that is no bug of ours: the exit code, and what to do."""
_EXPECTED = tuple(kind for kinds, *_ in _FAILURES for kind in kinds)

_OBJECTS_BETWEEN_COLLECTIONS = 100_000

_COMMANDS = {
    "run": "follow the chain until stopped; any further one stands by and takes over",
    "backfill": "follow up to the chain's head, or to --until, then end",
    "verify": "rebuild from the chain into a scratch schema and compare",
    "rebuild": "fill the ledger of this chain anew, beside the old one, and put it in its place",
    "status": "show where the ledger stands",
    "migrate": "bring the schema up to date",
}


def main() -> int:
    arguments = _arguments()
    try:
        settings = Settings()
    except ValidationError as error:
        return _fail(Exit.WRONG_SETTINGS, _setting_errors(error))
    logs.configure(settings.log_format, settings.log_level)
    try:
        if arguments.command == "migrate":
            db.migrate(settings.database_url, "ledger")
            return Exit.DONE
        _collect_garbage_rarely()
        return uvloop.run(_run(arguments, settings))
    except _EXPECTED as error:
        code, hint = next((code, hint) for kinds, code, hint in _FAILURES if isinstance(error, kinds))
        return _fail(code, f"{str(error).rstrip()}\n  hint: {hint}")


def _collect_garbage_rarely() -> None:
    """A batch is many thousand objects in no cycle: looking for some takes a fifth of a backfill's time."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 10, 10)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m indexer",
        description="Copies the chain into the ledger.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=what,
            description=what,
            epilog=_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == "backfill":
            command.add_argument("--until", type=int, metavar="BLOCK", help="go no further than this block")
        if name == "rebuild":
            command.add_argument("--yes", action="store_true", help="do not ask")
        if name == "status":
            command.add_argument("--json", action="store_true", help="for programs: one object on one line")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.command == "status":
        return await _status(settings, as_json=arguments.json)
    stop = asyncio.Event()
    with _stopping(stop):
        async with rpc.Chain(settings.rpc_urls, questions_per_second=settings.requests_per_second) as chain:
            match arguments.command:
                case "verify":
                    from indexer import verify  # noqa: PLC0415 - only this command needs SQLAlchemy's sessions

                    async with lead.ending_soon_after(stop):
                        return await verify.run(settings, chain)
                    return Exit.LOOK
                case "rebuild":
                    return await _rebuild(settings, chain, stop, confirmed=arguments.yes)
                case "backfill":
                    return await _backfill(settings, chain, stop, arguments.until)
            status = Status()
            async with _seen(settings, status, chain):
                await lead.run(settings, status, chain, stop)
    return Exit.DONE


@contextmanager
def _stopping(stop: asyncio.Event) -> Iterator[None]:
    """Sets `stop` at the first SIGINT or SIGTERM. From then on SIGINT does what it does to any process: it kills."""
    loop = asyncio.get_running_loop()

    def handle(number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        loop.call_soon_threadsafe(told, signal.Signals(number))

    def told(which: signal.Signals) -> None:
        log.info("stopping", signal=which.name)
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if not stop.is_set():
            for number, handler in before.items():
                signal.signal(number, handler)


@asynccontextmanager
async def _seen(
    settings: Settings, status: Status, chain: rpc.Chain, *, until: int | None = None
) -> AsyncIterator[None]:
    """Shows progress meanwhile, and serves metrics if the settings ask for them."""
    async with progress.shown(status, until=until):
        if settings.metrics_port == 0:
            yield
            return
        from indexer import metrics  # noqa: PLC0415 - a start without it takes a tenth less

        async with metrics.served(status, chain, settings.metrics_host, settings.metrics_port):
            yield


async def _backfill(settings: Settings, chain: rpc.Chain, stop: asyncio.Event, until: int | None) -> int:
    async def done(mirror: follow.Mirror) -> bool:
        cursor = mirror.cursor
        return cursor.head_number >= min(cursor.chain_head_number, cursor.chain_head_number if until is None else until)

    status = Status()
    async with _seen(settings, status, chain, until=until):
        await lead.run(settings, status, chain, stop, done, until=until)
    head = status.cursor.head_number if status.cursor else None
    log.info("backfill_ended", head=head, rows=status.rows.total(), complete=not stop.is_set())
    return Exit.LOOK if stop.is_set() else Exit.DONE


async def _rebuild(settings: Settings, chain: rpc.Chain, stop: asyncio.Event, *, confirmed: bool) -> int:
    if not confirmed and not _agreed(settings.chain_id):
        return _fail(Exit.REFUSED, "not confirmed: nothing was changed (programs say --yes)")
    from indexer import renew  # noqa: PLC0415 - only this command, too

    status = Status()
    async with _seen(settings, status, chain):
        cursor = await renew.renew(settings, status, chain, stop)
    if cursor is None:
        return _fail(Exit.LOOK, "stopped: nothing was changed")
    log.info("rebuilt", head=cursor.head_number, epoch=cursor.epoch)
    return Exit.DONE


def _agreed(chain_id: int) -> bool:
    if not sys.stdin.isatty():
        return False
    print(f"This replaces the whole ledger of chain {chain_id}. Type `rebuild` to go on: ", end="", file=sys.stderr)  # noqa: T201
    return sys.stdin.readline().strip() == "rebuild"


async def _status(settings: Settings, *, as_json: bool) -> int:
    from indexer import overview  # noqa: PLC0415

    connection = await lead.connect(settings)
    async with connection:
        seen = await overview.look(connection, settings.chain_id)
    if seen is None:
        said = f"nothing is mirrored of chain {settings.chain_id} yet: start `python -m indexer run`"
        return _fail(Exit.LOOK, said)
    print(json.dumps(seen.as_json(), default=str) if as_json else overview.as_text(seen))  # noqa: T201
    return Exit.LOOK if seen.alarms() else Exit.DONE


def _setting_errors(error: ValidationError) -> str:
    lines = [f"{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()]
    return "settings are wrong or missing (see .env.example):\n  " + "\n  ".join(lines)


def _fail(code: Exit, why: str) -> int:
    print(f"indexer: {why.rstrip()}", file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
