"""The only writer of API keys. Whoever changes an agent's keys holds the lock of its account row."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

from sqlalchemy import text

from api.accounts import queries as accounts
from api.accounts import secrets
from api.accounts.errors import KeyLimitReached, KeyNotFound, KeyNotLive, ScopeNotYours
from api.accounts.keys import queries
from api.accounts.schemas import Key
from api.audit import trail
from api.callers import Account, Agent, Caller, Scope
from api.db import WriteSession
from api.pepper import Pepper

MAX_LIVE = 5
ALL_SCOPES: tuple[str, ...] = get_args(Scope)


async def create(
    session: WriteSession,
    pepper: Pepper,
    *,
    agent_id: UUID,
    actor: Caller | None,
    label: str = "",
    scopes: Collection[str] | None = None,
    expires_in_days: int = 90,
) -> tuple[str, Key]:
    """The key, and what is shown of it from then on. Raises KeyLimitReached, ScopeNotYours."""
    wanted = _granted(actor, scopes)
    await _lock(session, agent_id)
    await _demand_room(session, agent_id)
    key, row = await _insert(
        session,
        pepper,
        agent_id=agent_id,
        label=label,
        scopes=wanted,
        lasts=timedelta(days=expires_in_days),
        rotated_from=None,
    )
    await _record(session, actor, "key.created", row, scopes=sorted(wanted), expires_at=row.expires_at.isoformat())
    return key, row


async def rotate(
    session: WriteSession, pepper: Pepper, *, caller: Account, key_id: UUID, overlap_hours: int, expires_in_days: int
) -> tuple[str, Key]:
    """A new key in place of `key_id`, which goes on for the overlap and then stops by itself.

    Raises KeyNotFound, KeyNotLive, KeyLimitReached (with an overlap, both are live for a while), ScopeNotYours.
    """
    old = await _locked_key(session, caller, key_id)
    if old.status != "live":
        raise KeyNotLive
    wanted = _granted(caller, old.scopes)
    if overlap_hours == 0:
        await session.execute(_REVOKE, {"id": old.id})
    else:
        await session.execute(_BRING_FORWARD, {"id": old.id, "overlap": timedelta(hours=overlap_hours)})
    await _demand_room(session, old.agent_id)
    key, row = await _insert(
        session,
        pepper,
        agent_id=old.agent_id,
        label=old.label,
        scopes=wanted,
        lasts=timedelta(days=expires_in_days),
        rotated_from=old.id,
    )
    await _record(session, caller, "key.rotated", row, rotated_from=str(old.id), overlap_hours=overlap_hours)
    return key, row


async def revoke(session: WriteSession, *, caller: Account, key_id: UUID) -> None:
    """At once, on every replica. Again: nothing changes. Raises KeyNotFound."""
    key = await _locked_key(session, caller, key_id)
    if key.status == "revoked":
        return
    await session.execute(_REVOKE, {"id": key.id})
    await _record(session, caller, "key.revoked", key)


async def revoke_all(session: WriteSession, *, actor: Caller | None, agent_id: UUID) -> None:
    """Of an agent that is being deleted, or that lost them."""
    await _lock(session, agent_id)
    for key in await queries.of_agent(session, agent_id):
        if key.status == "live":
            await session.execute(_REVOKE, {"id": key.id})
            await _record(session, actor, "key.revoked", key)


_INSERT = text(
    """INSERT INTO app.api_key (id, account_id, public_id, secret_hash, pepper, label, scopes, expires_at, rotated_from)
    VALUES (:id, :agent_id, :public_id, :secret_hash, :pepper, :label, :scopes, now() + :lasts, :rotated_from)"""
)
_REVOKE = text("UPDATE app.api_key SET revoked_at = now() WHERE id = :id")
_BRING_FORWARD = text("UPDATE app.api_key SET expires_at = least(expires_at, now() + :overlap) WHERE id = :id")
_LIVE = text(
    "SELECT count(*) FROM app.api_key WHERE account_id = :agent_id AND revoked_at IS NULL AND expires_at > now()"
)


async def _insert(session: WriteSession, pepper: Pepper, *, scopes: Collection[str], **fields: Any) -> tuple[str, Key]:
    key, key_id = secrets.new_key(), uuid4()
    secret_hash = pepper.digest(secrets.KEY_PURPOSE, key.secret.encode())
    await session.execute(
        _INSERT,
        {
            "id": key_id,
            "public_id": key.public_id,
            "secret_hash": secret_hash,
            "pepper": pepper.name,
            "scopes": sorted(scopes),
            **fields,
        },
    )
    return str(key), await queries.key(session, key_id)


async def _lock(session: WriteSession, agent_id: UUID) -> None:
    await session.execute(text("SELECT FROM app.account WHERE id = :id FOR UPDATE"), {"id": agent_id})


async def _locked_key(session: WriteSession, caller: Account, key_id: UUID) -> Key:
    agent_id = (await queries.key(session, key_id)).agent_id
    if not await accounts.may_act_for(session, caller, agent_id):
        raise KeyNotFound
    await _lock(session, agent_id)
    return await queries.key(session, key_id)


async def _demand_room(session: WriteSession, agent_id: UUID) -> None:
    if await session.scalar(_LIVE, {"agent_id": agent_id}) >= MAX_LIVE:
        raise KeyLimitReached


def _granted(actor: Caller | None, wanted: Collection[str] | None) -> Collection[str]:
    """What is asked for, if whoever asks has it."""
    have = actor.scopes if isinstance(actor, Agent) else frozenset(ALL_SCOPES)
    if wanted is None:
        return have
    more = set(wanted) - have
    if more:
        raise ScopeNotYours(f"Your key has not {', '.join(sorted(more))}.")
    return wanted


async def _record(session: WriteSession, actor: Caller | None, action: str, key: Key, **data: Any) -> None:
    await trail.record(
        session,
        actor=actor or "anonymous",
        action=action,
        subject=("api_key", key.id),
        account_id=key.agent_id,
        data={"public_id": key.public_id, **data},
    )
