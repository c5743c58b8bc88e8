"""Whether we live, and whether we are of use. Outside the edge: no session, no limits, no authentication."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import text

from api import migrations
from api.errors import Problem, problems
from api.resources import Held, Resources
from ledger import balances

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/v1/health", tags=["health"])

Part = Literal["database", "migrations", "cache", "chain", "indexer"]


class NotReady(Problem):
    """Some parts cannot be used yet."""

    code, status = "NOT_READY", 503
    hint = "`reasons` names each part; `molt doctor` says what to do about it."


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Everything can be used."""

    status: Literal["ready"] = "ready"
    chain_id: int
    head_number: int = Field(description="the newest block in the ledger")
    lag_blocks: int = Field(description="blocks that the chain has and the ledger has not")


@dataclass(frozen=True)
class Reason:
    """Why a part cannot be used."""

    part: Part
    code: str
    detail: str


@router.get("", operation_id="getHealth")
@router.get("/live", operation_id="getLiveness")
async def live() -> Alive:
    """Says that this process answers, and nothing about its parts."""
    return Alive()


@router.get("/ready", operation_id="getReadiness", responses=problems(NotReady))
async def ready(held: Held) -> Ready:
    """Whether database, migrations, cache, chain and indexer can be used."""
    reasons = [reason for check in _CHECKS if (reason := await _tried(check, held)) is not None]
    if reasons:
        parts = ", ".join(dict.fromkeys(reason.part for reason in reasons))
        raise NotReady(f"Not usable: {parts}.", reasons=[vars(reason) for reason in reasons])
    async with held.database.reading() as session:
        head = await balances.head(session, held.chain_id)
    if head is None:
        raise NotReady
    return Ready(chain_id=held.chain_id, head_number=head.number, lag_blocks=head.lag_blocks)


async def _database(held: Resources) -> Reason | None:
    async with held.database.reading() as session:
        await session.execute(text("SELECT 1"))
    return None


async def _migrations(held: Resources) -> Reason | None:
    async with held.database.reading() as session:
        missing = await migrations.missing(session)
    if not missing:
        return None
    commands = ", ".join(f"python -m {package} migrate" for package in missing)
    return Reason("migrations", "MIGRATIONS_MISSING", f"Run: {commands}.")


async def _cache(held: Resources) -> Reason | None:
    if await held.limiter.is_reachable():
        return None
    return Reason("cache", "CACHE_UNREACHABLE", "Valkey does not answer.")


async def _chain(held: Resources) -> Reason | None:
    chain_id = await held.node.chain_id()
    if chain_id != held.chain_id:
        return Reason("chain", "WRONG_CHAIN", f"The RPC serves chain {chain_id}, and we are set to {held.chain_id}.")
    if not await held.node.code(held.deployment.splitter_bytes):
        return Reason("chain", "SPLITTER_MISSING", "There is no contract at the splitter's address.")
    return None


async def _indexer(held: Resources) -> Reason | None:
    async with held.database.reading() as session:
        head = await balances.head(session, held.chain_id)
        differs = await balances.differs(session, held.chain_id)
    if head is None:
        return Reason("indexer", "INDEXER_NOT_STARTED", "The ledger has seen no block of this chain yet.")
    if head.status == "halted":
        return Reason("indexer", "INDEXER_HALTED", "The indexer stopped, because something does not add up.")
    if differs:
        return Reason(
            "indexer", "LEDGER_DIFFERS", "The ledger and the chain say different things; operators see which."
        )
    silence = (datetime.now(UTC) - head.updated_at).total_seconds()
    if silence > held.settings.max_silence_seconds:
        return Reason("indexer", "INDEXER_SILENT", f"The ledger was last updated {silence:.0f} seconds ago.")
    if head.lag_blocks > held.settings.max_lag_blocks:
        return Reason("indexer", "INDEXER_BEHIND", f"The ledger is {head.lag_blocks} blocks behind the chain.")
    return None


_CHECKS: list[tuple[Part, Callable[[Resources], Awaitable[Reason | None]]]] = [
    ("database", _database),
    ("migrations", _migrations),
    ("cache", _cache),
    ("chain", _chain),
    ("indexer", _indexer),
]


async def _tried(check: tuple[Part, Callable[[Resources], Awaitable[Reason | None]]], held: Resources) -> Reason | None:
    part, ask = check
    began = time.monotonic()
    try:
        return await ask(held)
    except Exception as error:  # noqa: BLE001 - whatever it is, the part cannot be used; the log says why
        log.warning("part_unusable", part=part, error=repr(error), seconds=round(time.monotonic() - began, 2))
        return Reason(part, f"{part.upper()}_UNREACHABLE", f"The {part} cannot be asked.")
