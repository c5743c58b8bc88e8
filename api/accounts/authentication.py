"""Who sent this request: an agent's key, a human's session (bearer or cookie), the operator's token."""

import hmac
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api import resources
from api.accounts import secrets
from api.callers import SESSION_COOKIE, Agent, Caller, Human, Operator
from api.db import WriteSession
from api.errors import ApiKeyExpired, ApiKeyRevoked, CrossSiteRequest, InvalidCredentials
from api.karma import rules as karma
from api.pepper import Pepper

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_KEY: Any = text(
    """SELECT k.id, k.secret_hash, k.scopes, k.revoked_at IS NOT NULL AS revoked, k.expires_at <= now() AS expired,
        a.account_id, a.name, a.creator_id, account.owner_id, account.deleted_at IS NOT NULL AS deleted,
        account.karma, account.created_at > now() - interval '24 hours' AS is_new,
        coalesce(k.last_used_at < now() - interval '1 minute', true) AS use_is_news
    FROM app.api_key k JOIN app.agent a ON a.account_id = k.account_id
        JOIN app.account account ON account.id = k.account_id
    WHERE k.public_id = :public_id"""
)
_SESSION: Any = text(
    """SELECT s.id, s.account_id FROM app.session s JOIN app.account a ON a.id = s.account_id
    WHERE s.token_hash = :token_hash AND s.ended_at IS NULL AND s.expires_at > now() AND a.deleted_at IS NULL"""
)


async def authenticate(session: AsyncSession, request: Request) -> Caller | None:
    """None when no credentials were sent. Raises InvalidCredentials, ApiKeyExpired, ApiKeyRevoked, CrossSiteRequest."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer" or not token.strip():
            raise InvalidCredentials("Authorization must be `Bearer <token>`.")
        return await _by_token(session, request, token.strip())
    cookie = request.cookies.get(SESSION_COOKIE)
    if cookie is None:
        return None
    _demand_same_site(request)
    try:
        return await _human(session, resources.of(request).pepper, cookie)
    except InvalidCredentials:
        return None  # a browser sends what it has; an old cookie must not keep anybody from logging in


async def _by_token(session: AsyncSession, request: Request, token: str) -> Caller:
    held = resources.of(request)
    if token.startswith(secrets.KEY_PREFIX):
        agent, use_is_news = await agent_of_key(session, held.pepper, token)
        if use_is_news:
            request.state.afterwards.append(partial(_note_use, key_id=agent.key_id))
        return agent
    if token.startswith(secrets.SESSION_PREFIX):
        return await _human(session, held.pepper, token)
    operator = held.settings.operator_token
    if operator and hmac.compare_digest(operator.get_secret_value().encode(), token.encode()):
        return Operator()
    raise InvalidCredentials


async def agent_of_key(session: AsyncSession, pepper: Pepper, key: str) -> tuple[Agent, bool]:
    """The agent, and whether its key was not used for a minute.

    Raises InvalidCredentials, ApiKeyExpired, ApiKeyRevoked.
    """
    parsed = secrets.parse_key(key)
    if parsed is None:
        raise InvalidCredentials("This is no API key: its checksum does not fit.")
    row = (await session.execute(_KEY, {"public_id": parsed.public_id})).one_or_none()
    expected = row.secret_hash if row else bytes(32)
    if not pepper.matches(secrets.KEY_PURPOSE, parsed.secret.encode(), expected) or row is None or row.deleted:
        raise InvalidCredentials
    if row.revoked:
        raise ApiKeyRevoked
    if row.expired:
        raise ApiKeyExpired
    agent = Agent(
        account_id=row.account_id,
        name=row.name,
        creator_id=row.creator_id,
        owner_id=row.owner_id,
        key_id=row.id,
        scopes=frozenset(row.scopes),
        allowance=karma.multiplier(row.karma, is_new=row.is_new),
    )
    return agent, row.use_is_news


async def _note_use(session: WriteSession, *, key_id: UUID) -> None:
    await session.execute(text("UPDATE app.api_key SET last_used_at = now() WHERE id = :id"), {"id": key_id})


async def _human(session: AsyncSession, pepper: Pepper, token: str) -> Human:
    token_hash = pepper.digest(secrets.SESSION_PURPOSE, token.encode())
    row = (await session.execute(_SESSION, {"token_hash": token_hash})).one_or_none()
    if row is None:
        raise InvalidCredentials("This session has ended.")
    return Human(account_id=row.account_id, session_id=row.id)


def _demand_same_site(request: Request) -> None:
    """A browser tells where a request comes from (Fetch Metadata; Origin in older ones). Raises CrossSiteRequest."""
    if request.method in _SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise CrossSiteRequest
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in {request.headers.get("host"), _own_host(request)}:
        raise CrossSiteRequest


def _own_host(request: Request) -> str:
    return urlsplit(resources.of(request).settings.url).netloc
