"""Writes the audit trail. Postgres refuses to change or delete what stands in it.

await trail.record(session, actor=caller, action="key.revoked", subject=("api_key", key_id), account_id=agent_id)
"""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

import rfc8785
import structlog
from psycopg.types.json import Jsonb
from sqlalchemy import text

from api.callers import Agent, Caller, Human
from api.db import WriteSession

_INSERT = text(
    """INSERT INTO app.audit_event (actor_kind, actor_id, action, subject_kind, subject_id, account_id,
        request_id, data)
    VALUES (:actor_kind, :actor_id, :action, :subject_kind, :subject_id, :account_id, :request_id, :data)"""
)


async def record(
    session: WriteSession,
    *,
    actor: Caller | Literal["anonymous"] | None,
    action: str,
    subject: tuple[str, object],
    account_id: UUID | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Appends one event.

    `actor`: None when the platform acts by itself (jobs), "anonymous" when nobody had credentials. `action`:
    `noun.past_tense` (`wallet.registered`). `subject`: kind and id of what changed. `account_id`: whose affair
    it is. `data`: JSON facts, no secret, and of personal data only HMACs under the pepper. Raises
    CanonicalizationError for what RFC 8785 cannot write, because it could never be sealed.
    """
    facts = dict(data or {})
    rfc8785.dumps(facts)
    actor_kind, actor_id = _named(actor)
    await session.execute(
        _INSERT,
        {
            "actor_kind": actor_kind,
            "actor_id": actor_id,
            "action": action,
            "subject_kind": subject[0],
            "subject_id": str(subject[1]),
            "account_id": account_id,
            "request_id": structlog.contextvars.get_contextvars().get("request_id"),
            "data": Jsonb(facts),
        },
    )


def _named(actor: Caller | Literal["anonymous"] | None) -> tuple[str, UUID | None]:
    if actor is None or isinstance(actor, str):
        return actor or "platform", None
    return actor.kind, actor.account_id if isinstance(actor, Human | Agent) else None
