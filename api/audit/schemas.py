"""What the audit log looks like over HTTP."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.audit import queries, seal
from api.wire import Bytes32


class AuditEvent(BaseModel):
    """One change; it stands for ever."""

    id: int
    occurred_at: datetime
    actor_kind: str = Field(description="human, agent, operator, platform (by itself), anonymous")
    actor_id: UUID | None
    action: str = Field(examples=["key.rotated"])
    subject_kind: str
    subject_id: str
    account_id: UUID | None = Field(description="whose affair it is")
    request_id: str | None
    data: dict[str, Any]


class AuditAnchor(BaseModel):
    """The splitter's `AuditRoot(root, first_position, last_position)`."""

    tx_hash: Bytes32
    block_number: int
    finality: Literal["unsafe", "safe", "finalized"]


class AuditBatch(BaseModel):
    """Sealed events: their root is on the chain."""

    number: int
    first_position: int
    last_position: int
    root: Bytes32 = Field(description="of the Merkle tree (RFC 9162, SHA-256) over the chain's hashes of its events")
    head: Bytes32 = Field(description="the chain's hash of its last event")
    sealed_at: datetime
    anchor: AuditAnchor | None = Field(description="null until the chain has told the ledger")


class AuditHead(BaseModel):
    """How far the seals reach."""

    positions: int = Field(description="events sealed, numbered from 1 without gaps")
    head: Bytes32 = Field(description="the chain's hash of the last one; 32 zero bytes before the first")
    newest_batch: AuditBatch | None
    newest_anchored: AuditBatch | None = Field(description="of the newest hundred")


class AuditProof(BaseModel):
    """That an event is in the log: docs/audit.md says how to check it by hand; `molt audit proof` does it."""

    event: dict[str, Any] = Field(description="as RFC 8785 writes it, it is what was hashed")
    position: int
    hash_before: Bytes32
    hash: Bytes32 = Field(description="SHA-256(hash_before || event)")
    leaf_index: int = Field(description="in the batch's tree, from 0")
    tree_size: int
    path: list[Bytes32] = Field(description="RFC 9162 2.1.3: from the leaf upwards")
    batch: AuditBatch


class SealedEvent(BaseModel):
    """An event, and the chain's hash of it."""

    position: int
    event: dict[str, Any]
    hash: Bytes32


class SealedBatch(BaseModel):
    """A batch with all of its events, as `molt audit verify` reads it."""

    batch: AuditBatch
    events: list[SealedEvent]


def of_batch(batch: queries.Batch) -> AuditBatch:
    is_anchored = batch.tx_hash is not None
    anchor = {"tx_hash": batch.tx_hash, "block_number": batch.block_number, "finality": batch.finality}
    return AuditBatch.model_validate({**vars(batch), "anchor": anchor if is_anchored else None})


def of_proof(
    event: queries.Event, position: int, batch: queries.Batch, before: bytes, hashes: list[bytes]
) -> AuditProof:
    index = position - batch.first_position
    return AuditProof(
        event=seal.document(event),
        position=position,
        hash_before=before,
        hash=hashes[index],
        leaf_index=index,
        tree_size=len(hashes),
        path=seal.path(hashes, index),
        batch=of_batch(batch),
    )
