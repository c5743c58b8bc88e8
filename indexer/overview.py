"""Where a ledger stands, asked of the database alone: what `status` prints, for eyes or as JSON."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import dict_row

from indexer import lead, report
from indexer.progress import duration
from indexer.status import lag_blocks
from ledger import reconciliation, record
from ledger.reconciliation import Open

_RATE_SECONDS = 1.0
_WORTH_MEASURING_BLOCKS = 3
_SILENT_SECONDS = 30.0


@dataclass(frozen=True)
class Leader:
    """The session that holds the writer's lock."""

    process: str
    since: datetime | None


@dataclass(frozen=True)
class Reorgs:
    """What the archive tells: each time that the chain left blocks of ours."""

    count: int
    deepest_blocks: int
    newest_at: datetime | None
    orphaned_rows: int


@dataclass(frozen=True)
class Overview:
    """Of one chain."""

    cursor: record.Cursor
    silent_seconds: float
    """Since a writer last said that it lives."""
    head_age_seconds: float
    leader: Leader | None
    standbys: int
    reorgs: Reorgs
    proven_blocks: dict[str, int]
    """How many were proven how far."""
    reconciled_at: datetime | None
    """When everything had last been compared with the chain; None: the first round is not over."""
    differences: list[Open]
    """Between ledger and chain, not resolved yet."""
    blocks_per_second: float | None
    """None where nothing needs catching up."""

    @property
    def lag_blocks(self) -> int:
        return lag_blocks(self.cursor)

    @property
    def seconds_left(self) -> float | None:
        return self.lag_blocks / self.blocks_per_second if self.blocks_per_second else None

    def alarms(self) -> list[str]:
        """What a person must look at; none when all is well."""
        found = []
        if self.cursor.status == "halted":
            found.append(f"halted: {self.cursor.status_detail}")
        if self.differences:
            found.append(f"{len(self.differences)} differences between ledger and chain: `python -m indexer verify`")
        if self.leader is None:
            found.append("nobody follows the chain: start `python -m indexer run`")
        elif self.silent_seconds > _SILENT_SECONDS:
            silence = duration(self.silent_seconds)
            found.append(f"the leader has said nothing for {silence}: look at its log, and whether a provider answers")
        return found

    def as_json(self) -> dict[str, Any]:
        cursor = {name: value for name, value in asdict(self.cursor).items() if name != "schema"}
        return {
            **cursor,
            "head_hash": "0x" + self.cursor.head_hash.hex(),
            "lag_blocks": self.lag_blocks,
            "head_age_seconds": round(self.head_age_seconds, 1),
            "silent_seconds": round(self.silent_seconds, 1),
            "leader": asdict(self.leader) if self.leader else None,
            "standbys": self.standbys,
            "reorgs": asdict(self.reorgs),
            "proven_blocks": self.proven_blocks,
            "reconciled_at": self.reconciled_at,
            "differences": [report.said(each) for each in self.differences],
            "blocks_per_second": self.blocks_per_second,
            "seconds_left": self.seconds_left,
            "alarms": self.alarms(),
        }


async def look(connection: record.Connection, chain_id: int) -> Overview | None:
    """Takes a second when the ledger is behind, to measure its rate; None when nothing was ever mirrored."""
    cursor = await record.read_cursor(connection, chain_id)
    if cursor is None:
        return None
    rate = None
    if lag_blocks(cursor) > _WORTH_MEASURING_BLOCKS:
        await asyncio.sleep(_RATE_SECONDS)
        later = await record.read_cursor(connection, chain_id) or cursor
        rate, cursor = (later.head_number - cursor.head_number) / _RATE_SECONDS, later
    ages = await _one(connection, _AGES, (chain_id,))
    sessions = await _one(connection, _SESSIONS, (f"ledger:{chain_id}", f"{lead.APPLICATION} %"))
    reorgs = await _one(connection, _REORGS, (chain_id,))
    compared = await _one(connection, _COMPARED, {"chain_id": chain_id, "parts": list(reconciliation.PARTS)})
    leader = Leader(sessions["leader"], sessions["since"]) if sessions["leader"] else None
    return Overview(
        cursor=cursor,
        silent_seconds=ages["silent"],
        head_age_seconds=ages["head_age"],
        leader=leader,
        standbys=sessions["sessions"] - (leader is not None) - 1,
        reorgs=Reorgs(**reorgs),
        proven_blocks=compared["proven_blocks"],
        reconciled_at=compared["reconciled_at"],
        differences=await reconciliation.open_differences(connection, chain_id),
        blocks_per_second=rate,
    )


def as_text(seen: Overview) -> str:
    cursor = seen.cursor
    lines = [
        ("chain", f"{cursor.chain_id}, {cursor.status}, {seen.lag_blocks:,} blocks behind"),
        ("head", f"{cursor.head_number:,}  0x{cursor.head_hash.hex()}  {duration(seen.head_age_seconds)} old"),
        ("safe", f"{cursor.safe_number:,}  {cursor.head_number - cursor.safe_number:,} below the head"),
        ("finalized", f"{cursor.finalized_number:,}  {cursor.head_number - cursor.finalized_number:,} below the head"),
        ("writer", _writer(seen)),
        ("reorgs", _reorgs(seen.reorgs)),
        (
            "proven",
            ", ".join(f"{blocks:,} blocks to {proof}" for proof, blocks in seen.proven_blocks.items()) or "none",
        ),
        ("compared", _compared(seen)),
        *(("DIFFERENT", str(each)) for each in seen.differences),
    ]
    if seen.lag_blocks and seen.blocks_per_second is not None:
        left = "it does not move" if seen.seconds_left is None else f"{duration(seen.seconds_left)} left"
        lines.insert(1, ("catching up", f"{seen.blocks_per_second:,.0f} blocks/s, {left}"))
    lines += [("LOOK AT", alarm) for alarm in seen.alarms()]
    return "\n".join(f"{name:<12}{what}" for name, what in lines)


def _writer(seen: Overview) -> str:
    sign = f"epoch {seen.cursor.epoch}, last sign of life {duration(seen.silent_seconds)} ago"
    if seen.leader is None:
        return f"none; {sign}"
    others = f"{seen.standbys} standing by" if seen.standbys else "nobody stands by"
    return f"{seen.leader.process}, {sign}; {others}"


def _reorgs(reorgs: Reorgs) -> str:
    if reorgs.newest_at is None:
        return "none"
    newest = reorgs.newest_at.isoformat(timespec="seconds")
    rows = f"{reorgs.orphaned_rows:,} rows archived"
    return f"{reorgs.count:,}, the deepest of {reorgs.deepest_blocks} blocks, the newest at {newest}; {rows}"


def _compared(seen: Overview) -> str:
    if seen.reconciled_at is None:
        return "not everything yet, in the first round"
    return f"everything with the chain, the last time at {seen.reconciled_at.isoformat(timespec='seconds')}"


async def _one(connection: record.Connection, query: LiteralString, parameters: Any) -> dict[str, Any]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchone() or {}


_AGES = """
SELECT extract(epoch FROM now() - updated_at)::float AS silent,
       greatest(0, extract(epoch FROM now() - head_timestamp))::float AS head_age
FROM ledger.cursor WHERE chain_id = %s"""

_SESSIONS = """
WITH lock AS (SELECT hashtextextended(%s, 0) AS key),
leader AS (
  SELECT session.application_name, session.pid, session.backend_start FROM pg_locks AS held
  JOIN lock ON held.classid::bigint = (lock.key >> 32) & 4294967295 AND held.objid::bigint = lock.key & 4294967295
  JOIN pg_stat_activity AS session ON session.pid = held.pid
  WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
SELECT (SELECT coalesce(nullif(application_name, ''), 'session ' || pid) FROM leader) AS leader,
       (SELECT backend_start FROM leader) AS since,
       (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE %s)::int AS sessions"""

_REORGS = """
WITH rewind AS (
  SELECT orphaned_at, count(*) FILTER (WHERE table_name = 'block') AS depth, count(*) AS content
  FROM ledger.orphaned_row WHERE chain_id = %s GROUP BY orphaned_at)
SELECT count(*)::int AS count, coalesce(max(depth), 0)::int AS deepest_blocks, max(orphaned_at) AS newest_at,
       coalesce(sum(content - depth), 0)::int AS orphaned_rows
FROM rewind"""
"""One transaction rewinds once, and all that it archives has its time."""

_COMPARED = """
SELECT (SELECT coalesce(jsonb_object_agg(proof, blocks), '{}') FROM (
          SELECT proof, sum(last_number - first_number + 1) AS blocks FROM ledger.proven_range
          WHERE chain_id = %(chain_id)s GROUP BY proof) AS proven) AS proven_blocks,
       (SELECT CASE WHEN count(round_ended_at) = cardinality(%(parts)s::text[]) THEN min(round_ended_at) END
        FROM ledger.reconciliation WHERE chain_id = %(chain_id)s) AS reconciled_at"""
