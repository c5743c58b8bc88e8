"""`/audit`: who changed one's money, keys and wallets; and the proofs that nobody has changed the log since."""

from typing import Annotated

from fastapi import Path, Query

from api import edge
from api.audit import queries, schemas, seal
from api.audit.errors import AuditBatchNotFound, AuditEventNotFound, AuditEventNotSealed
from api.callers import CurrentAccount, CurrentOperator
from api.db import Reading
from api.errors import Forbidden, NotAuthenticated, problems
from api.pages import InvalidCursor, Page, PageOf
from api.resources import Held

router = edge.router(tags=["audit"])
_NEWEST = 100
_Number = Annotated[int, Path(ge=1, le=2**62)]


@router.get("/audit", operation_id="listAuditEvents", responses=problems(NotAuthenticated, InvalidCursor))
async def list_audit_events(
    session: Reading,
    caller: CurrentAccount,
    page: PageOf,
    action: Annotated[str | None, Query(max_length=60, description="only these, e.g. `key.revoked`")] = None,
) -> Page[schemas.AuditEvent]:
    """What the caller did, and what was done to its accounts; newest first."""
    after = page.after(tuple[int])
    rows = await queries.of_account(
        session, caller.account_id, action=action, before=after[0] if after else None, limit=page.fetch
    )
    return page.of(rows, key=lambda event: (event.id,), show=lambda event: schemas.AuditEvent(**vars(event)))


@router.get("/audit/head", operation_id="getAuditHead")
async def audit_head(session: Reading, held: Held) -> schemas.AuditHead:
    """How far the log is sealed, and how far the chain has been told."""
    newest = await queries.batches(session, held.chain_id, before=None, limit=_NEWEST)
    anchored = next((batch for batch in newest if batch.tx_hash is not None), None)
    return schemas.AuditHead(
        positions=newest[0].last_position if newest else 0,
        head=newest[0].head if newest else seal.GENESIS,
        newest_batch=schemas.of_batch(newest[0]) if newest else None,
        newest_anchored=schemas.of_batch(anchored) if anchored else None,
    )


@router.get("/audit/batches", operation_id="listAuditBatches", responses=problems(InvalidCursor))
async def list_audit_batches(session: Reading, held: Held, page: PageOf) -> Page[schemas.AuditBatch]:
    """Every sealed batch with its root and where it is anchored; newest first."""
    after = page.after(tuple[int])
    rows = await queries.batches(session, held.chain_id, before=after[0] if after else None, limit=page.fetch)
    return page.of(rows, key=lambda batch: (batch.number,), show=schemas.of_batch)


@router.get(
    "/audit/{event_id}/proof",
    operation_id="getAuditProof",
    responses=problems(NotAuthenticated, AuditEventNotFound, AuditEventNotSealed),
)
async def audit_proof(session: Reading, held: Held, caller: CurrentAccount, event_id: _Number) -> schemas.AuditProof:
    """That an event which the caller may see is in the log, up to the root that is on the chain."""
    event = await queries.event(session, event_id, account_id=caller.account_id)
    if event is None:
        raise AuditEventNotFound
    position = await queries.position_of(session, event_id)
    if position is None:
        raise AuditEventNotSealed
    batch = await queries.batch_of(session, held.chain_id, position)
    hashes = await queries.hashes(session, batch.first_position, batch.last_position)
    before = await queries.hashes(session, position - 1, position - 1)
    return schemas.of_proof(event, position, batch, before[0] if before else seal.GENESIS, hashes)


@router.get(
    "/operator/audit/batches/{number}",
    operation_id="getSealedBatch",
    responses=problems(NotAuthenticated, Forbidden, AuditBatchNotFound),
    tags=["operator"],
)
async def sealed_batch(
    session: Reading, held: Held, _operator: CurrentOperator, number: _Number
) -> schemas.SealedBatch:
    """A batch with its events: what `molt audit export` writes down."""
    batch = await queries.batch(session, held.chain_id, number)
    if batch is None:
        raise AuditBatchNotFound
    events = await queries.sealed_events(session, batch.first_position, batch.last_position)
    hashes = await queries.hashes(session, batch.first_position, batch.last_position)
    return schemas.SealedBatch(
        batch=schemas.of_batch(batch),
        events=[
            schemas.SealedEvent(position=batch.first_position + place, event=seal.document(event), hash=hash_)
            for place, (event, hash_) in enumerate(zip(events, hashes, strict=True))
        ],
    )
