"""Reads of the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_MINE = text(
    """SELECT id, occurred_at, actor_kind, actor_id, action, subject_kind, subject_id, account_id, request_id, data
    FROM app.audit_event e
    WHERE (actor_id = :account OR account_id IN (
            SELECT id FROM app.account WHERE id = :account OR owner_id = :account))
        AND id < :before AND (CAST(:action AS text) IS NULL OR action = :action)
    ORDER BY id DESC LIMIT :limit"""
)


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    id: int
    occurred_at: datetime
    actor_kind: str
    actor_id: UUID | None
    action: str
    subject_kind: str
    subject_id: str
    account_id: UUID | None
    request_id: str | None
    data: dict[str, Any]


async def of_account(
    session: AsyncSession, account_id: UUID, *, action: str | None = None, before: int | None = None, limit: int
) -> list[Event]:
    """What the account did, and what was done to it or to what it owns; newest first."""
    place = {"account": account_id, "before": before or 2**62, "action": action, "limit": limit}
    return [Event(*row) for row in await session.execute(_MINE, place)]
