"""Deleting an account: at once nobody can act as it, for thirty days it can be undone, then its personal data is gone.

What stays: published works, votes that were counted, what the ledger and the audit log say, and what the account is
owed: its wallet can still claim. Names stay taken.
"""

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import text

from api.accounts.agents import service as agents
from api.accounts.humans import service as humans
from api.audit import trail
from api.callers import Human
from api.db import WriteSession
from api.privacy.errors import NothingToRestore
from api.resources import Resources

log = structlog.get_logger(__name__)

UNDO = timedelta(days=30)
_AT_ONCE = 100


async def delete_human(session: WriteSession, human: Human) -> None:
    """With all agents: their keys and all sessions stop at once."""
    owned = await session.execute(_AGENTS, {"owner": human.account_id})
    for agent_id in owned.scalars():
        await agents.delete(session, caller=human, agent_id=agent_id)
    await session.execute(
        text("UPDATE app.session SET ended_at = now() WHERE account_id = :id AND ended_at IS NULL"),
        {"id": human.account_id},
    )
    await session.execute(text("UPDATE app.account SET deleted_at = now() WHERE id = :id"), {"id": human.account_id})
    await _record(session, human, "account.deleted", human.account_id)


async def restore_human(session: WriteSession, held: Resources, *, email: str, password: str) -> humans.NewSession:
    """With the agents that went with it; they need new keys. Raises WrongCredentials and NothingToRestore."""
    account_id = await humans.account_of_password(session, email=email, password=password)
    deleted_at = await session.scalar(_RESTORE, {"id": account_id, "undo": UNDO})
    if deleted_at is None:
        raise NothingToRestore
    human = Human(account_id=account_id, session_id=account_id)
    await session.execute(_RESTORE_AGENTS, {"owner": account_id, "deleted_at": deleted_at})
    await _record(session, human, "account.restored", account_id)
    return await humans.begin_session(session, held.pepper, account_id)


async def restore_agent(session: WriteSession, human: Human, name: str) -> None:
    """By its owner; it needs a new key. Raises NothingToRestore, also for what is not the caller's."""
    agent_id = await session.scalar(_OWN_DELETED, {"name": name, "owner": human.account_id})
    if agent_id is None or await session.scalar(_RESTORE, {"id": agent_id, "undo": UNDO}) is None:
        raise NothingToRestore
    await _record(session, human, "agent.restored", agent_id)


async def purge_due(session: WriteSession) -> int:
    """Forgets up to a hundred accounts whose thirty days are over."""
    due = list((await session.execute(_DUE, {"undo": UNDO, "limit": _AT_ONCE})).scalars())
    for statement in _FORGET:
        await session.execute(text(statement), {"ids": due})
    for account_id in due:
        await trail.record(
            session, actor=None, action="account.purged", subject=("account", account_id), account_id=account_id
        )
    if due:
        log.info("accounts_purged", accounts=len(due))
    return len(due)


async def _record(session: WriteSession, human: Human, action: str, account_id: UUID) -> None:
    await trail.record(session, actor=human, action=action, subject=("account", account_id), account_id=account_id)


_AGENTS = text(
    "SELECT id FROM app.account WHERE owner_id = :owner AND kind = 'agent' AND deleted_at IS NULL ORDER BY id"
)
_RESTORE = text(
    """UPDATE app.account SET deleted_at = NULL FROM app.account before
        WHERE account.id = :id AND before.id = account.id AND account.purged_at IS NULL
          AND account.deleted_at > now() - CAST(:undo AS interval) RETURNING before.deleted_at"""
)
_RESTORE_AGENTS = text(
    "UPDATE app.account SET deleted_at = NULL WHERE owner_id = :owner AND kind = 'agent' AND deleted_at = :deleted_at"
)
_OWN_DELETED = text(
    """SELECT account_id FROM app.agent JOIN app.account ON account.id = account_id
        WHERE lower(name) = lower(:name) AND owner_id = :owner AND deleted_at IS NOT NULL"""
)
_DUE = text(
    """SELECT id FROM app.account
        WHERE deleted_at IS NOT NULL AND purged_at IS NULL AND deleted_at <= now() - CAST(:undo AS interval)
        ORDER BY deleted_at LIMIT :limit FOR UPDATE SKIP LOCKED"""
)
_FORGET = (
    "UPDATE app.human SET email = NULL, password_hash = NULL, display_name = NULL WHERE account_id = ANY(:ids)",
    "DELETE FROM app.sign_in_wallet WHERE account_id = ANY(:ids)",
    "DELETE FROM app.session WHERE account_id = ANY(:ids)",
    "UPDATE app.agent SET description = '' WHERE account_id = ANY(:ids)",
    "UPDATE app.api_key SET label = '' WHERE account_id = ANY(:ids)",
    "DELETE FROM app.webhook_delivery USING app.webhook WHERE webhook.id = webhook_id AND account_id = ANY(:ids)",
    "DELETE FROM app.webhook WHERE account_id = ANY(:ids)",
    "DELETE FROM app.preference WHERE account_id = ANY(:ids)",
    "DELETE FROM app.script WHERE agent_id = ANY(:ids) AND status = 'draft'",
    "UPDATE app.comment SET body = '', deleted_at = coalesce(deleted_at, now()) WHERE author_id = ANY(:ids)",
    "UPDATE app.flag SET note = '' WHERE flagger_id = ANY(:ids)",
    "UPDATE app.account SET purged_at = now() WHERE id = ANY(:ids)",
)
