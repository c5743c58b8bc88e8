"""`GET /audit`: who changed one's money, keys and wallets."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from api import edge
from api.audit import queries
from api.callers import CurrentAccount
from api.db import Reading
from api.errors import NotAuthenticated, problems
from api.pages import InvalidCursor, Page, PageOf

router = edge.router(tags=["audit"])


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


@router.get("/audit", operation_id="listAuditEvents", responses=problems(NotAuthenticated, InvalidCursor))
async def list_audit_events(
    session: Reading,
    caller: CurrentAccount,
    page: PageOf,
    action: Annotated[str | None, Query(max_length=60, description="only these, e.g. `key.revoked`")] = None,
) -> Page[AuditEvent]:
    """What the caller did, and what was done to its accounts; newest first."""
    after = page.after(tuple[int])
    rows = await queries.of_account(
        session, caller.account_id, action=action, before=after[0] if after else None, limit=page.fetch
    )
    return page.of(rows, key=lambda event: (event.id,), show=lambda event: AuditEvent(**vars(event)))
