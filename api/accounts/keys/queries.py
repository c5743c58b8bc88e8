"""Reads of API keys."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.accounts.errors import KeyNotFound
from api.accounts.schemas import Key

_KEY = """SELECT id, account_id AS agent_id, public_id, label, scopes, created_at, expires_at, revoked_at,
    last_used_at, rotated_from,
    CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'live' END AS status
    FROM app.api_key"""


async def key(session: AsyncSession, key_id: UUID) -> Key:
    """Raises KeyNotFound."""
    row = (await session.execute(text(f"{_KEY} WHERE id = :id"), {"id": key_id})).mappings().one_or_none()
    if row is None:
        raise KeyNotFound
    return _key(row)


async def of_agent(session: AsyncSession, agent_id: UUID) -> list[Key]:
    """All of an agent's, newest first."""
    query = text(f"{_KEY} WHERE account_id = :agent_id ORDER BY created_at DESC, id DESC LIMIT 500")
    return [_key(row) for row in (await session.execute(query, {"agent_id": agent_id})).mappings()]


def _key(row: Any) -> Key:
    return Key(**row)
