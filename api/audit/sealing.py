"""The only writer of seals, batches and anchors. One at a time; events are sealed once and never touched.

Ids are given before transactions commit, so a smaller one may appear late. Sealed is what no running transaction can
precede any more: events are taken in the order of (transaction, id), up to the oldest transaction that still runs.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import text

from api import calldata
from api.audit import queries, seal
from api.db import WriteSession
from ledger.deployment import Deployment
from relayer import outbox

log = structlog.get_logger(__name__)

BATCH = 1000
"""Events at most."""
_ANCHOR_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Batch:
    number: int
    first: int
    last: int
    root: bytes


async def seal_due(session: WriteSession, deployment: Deployment, *, patience: timedelta) -> Batch | None:
    """Seals a batch when a thousand events wait, or the oldest of fewer has waited for `patience`."""
    if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(hashtextextended('app.audit_seal', 0))")):
        return None
    tip = await queries.tip(session)
    events = await queries.unsealed(session, after=tip.place, limit=BATCH)
    if not events or (len(events) < BATCH and await queries.age(session, events[0]) < patience):
        return None
    hashes, before = [], tip.hash
    for event in events:
        before = seal.chained(before, seal.document(event))
        hashes.append(before)
    batch = Batch(tip.batch + 1, tip.position + 1, tip.position + len(events), seal.root(hashes))
    await session.execute(_BATCH, {**vars(batch), "head": hashes[-1]})
    await session.execute(_SEALS, {"first": batch.first, "ids": [event.id for event in events], "hashes": hashes})
    await _anchor(session, deployment, batch, attempt=1)
    log.info("audit_sealed", batch=batch.number, events=len(events))
    return batch


async def anchor_refused(session: WriteSession, deployment: Deployment) -> int:
    """Asks again for what the chain refused ten minutes ago (no role yet, no ether). How many."""
    rows = (await session.execute(_REFUSED, {"patience": _ANCHOR_AGAIN})).all()
    for row in rows:
        batch = Batch(row.number, row.first_position, row.last_position, row.root)
        await _anchor(session, deployment, batch, attempt=row.attempt + 1)
    return len(rows)


async def _anchor(session: WriteSession, deployment: Deployment, batch: Batch, *, attempt: int) -> None:
    outbox_id = await outbox.enqueue(
        session,
        key="auditor",
        to=deployment.splitter_bytes,
        data=calldata.call("anchorAudit(bytes32,uint64,uint64)", batch.root, batch.first, batch.last),
        purpose="audit_anchor",
        dedupe_key=f"audit:{deployment.chain_id}:{batch.number}:{attempt}",
    )
    await session.execute(_ANCHOR, {"number": batch.number, "attempt": attempt, "outbox_id": outbox_id})


_BATCH = text(
    """INSERT INTO app.audit_batch (number, first_position, last_position, root, head)
       VALUES (:number, :first, :last, :root, :head)"""
)
_SEALS = text(
    """INSERT INTO app.audit_seal (position, event_id, hash)
       SELECT :first + place - 1, id, hash
         FROM unnest(CAST(:ids AS bigint[]), CAST(:hashes AS bytea[])) WITH ORDINALITY sealed (id, hash, place)"""
)
_ANCHOR = text("INSERT INTO app.audit_anchor (number, attempt, outbox_id) VALUES (:number, :attempt, :outbox_id)")
_REFUSED = text(
    """SELECT number, first_position, last_position, root, attempt
         FROM (SELECT DISTINCT ON (number) number, attempt, outbox_id, asked_at FROM app.audit_anchor
                ORDER BY number, attempt DESC) newest
         JOIN app.audit_batch USING (number) JOIN relay.outbox ON outbox.id = outbox_id
        WHERE outbox.state IN ('refused', 'mined_reverted') AND asked_at < now() - CAST(:patience AS interval)
        ORDER BY number LIMIT 100"""
)
