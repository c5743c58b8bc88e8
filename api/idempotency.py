"""Idempotency-Key: a retry of the same action gets the first answer, and does nothing.

The row of the key is written in the transaction of its effect: either both are there or neither. Only successful
answers are kept, because a refused request has changed nothing and may be asked again. Kept for 7 days, per caller.

The kept answer is sealed under a key that our pepper and the client's own Idempotency-Key make together, and the
Idempotency-Key is stored only as a digest. So an answer that shows a secret once (an API key, a session) can be
replayed to the client that lost it, and the database alone, or with the pepper, gives it to nobody.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Depends, Header, Request, Response, params
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.errors import Problem
from api.pepper import NotOurs, Pepper

HEADER = "Idempotency-Key"
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEPT_DAYS = 7
_FORM = re.compile(r"^[\x21-\x7e]{1,255}$")
_PART_OF_THE_REQUEST = ("if-match", "payment-signature", "x-payment")
"""Headers that make it another request: a second payment is none that was answered before."""
_NOT_KEPT = frozenset({"x-request-id", "date", "server", "content-length"})


class IdempotencyKeyMissing(Problem):
    """This action needs an Idempotency-Key."""

    code, status = "IDEMPOTENCY_KEY_MISSING", 400
    hint = "Send a new UUID as Idempotency-Key, and the same one when you retry the same action."


class IdempotencyKeyMalformed(Problem):
    """An Idempotency-Key has 1 to 255 visible ASCII characters."""

    code, status = "IDEMPOTENCY_KEY_MALFORMED", 400
    hint = "Send a UUID."


class IdempotencyKeyInFlight(Problem):
    """The first request with this Idempotency-Key is not finished yet."""

    code, status = "IDEMPOTENCY_KEY_IN_FLIGHT", 409
    hint = "Wait a second, and send the same request with the same key: you will get the first one's answer."


class IdempotencyKeyReused(Problem):
    """This Idempotency-Key belongs to another request."""

    code, status = "IDEMPOTENCY_KEY_REUSED", 422
    hint = "A new action takes a new key; a retry sends exactly what was sent before."


PROBLEMS = (IdempotencyKeyMalformed, IdempotencyKeyInFlight, IdempotencyKeyReused)


def required() -> params.Depends:
    """`dependencies=[idempotency.required()]`: for what must never happen twice."""

    def check(
        idempotency_key: str | None = Header(default=None, description="required here; reuse it when retrying"),
    ) -> None:
        if idempotency_key is None:
            raise IdempotencyKeyMissing

    dependency: params.Depends = Depends(check)
    return dependency


@dataclass(frozen=True)
class Attempt:
    """A request that carries a key, and nobody else is running."""

    scope: bytes
    """Digest of caller and key: the row's primary key."""
    request_hash: bytes
    context: bytes
    """What the answer is sealed with; never stored."""


class Kept(msgspec.Struct):
    """An answer as it is sealed."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


async def begin(session: AsyncSession, pepper: Pepper, request: Request, *, caller: str) -> Attempt | Response | None:
    """None: no key. A Response: the first answer, again. Raises the problems of this module."""
    key = request.headers.get(HEADER)
    if key is None or request.method not in METHODS:
        return None
    if not _FORM.match(key):
        raise IdempotencyKeyMalformed
    attempt = await _attempt(pepper, request, caller=caller, key=key)
    await _demand_alone(session, attempt)
    row = (await session.execute(_FIND, {"scope": attempt.scope})).one_or_none()
    if row is None:
        return attempt
    if row.request_hash != attempt.request_hash:
        raise IdempotencyKeyReused
    return _replayed(pepper, attempt, row.answer)


async def keep(session: AsyncSession, pepper: Pepper, attempt: Attempt, response: Response) -> None:
    """Stores the answer beside the effect. An answer that streams is not kept."""
    headers = [(k, v) for k, v in response.headers.items() if k not in _NOT_KEPT]
    kept = Kept(status=response.status_code, headers=headers, body=bytes(response.body))
    sealed = pepper.seal("idempotency", attempt.context, msgspec.msgpack.encode(kept))
    await session.execute(
        _INSERT, {"scope": attempt.scope, "request_hash": attempt.request_hash, "answer": sealed, "days": KEPT_DAYS}
    )


async def purge(session: AsyncSession) -> None:
    """Forgets keys that are older than 7 days."""
    await session.execute(text("DELETE FROM app.idempotency_key WHERE expires_at <= now()"))


async def _attempt(pepper: Pepper, request: Request, *, caller: str, key: str) -> Attempt:
    said = [request.method, request.url.path, str(request.url.query)]
    said += [request.headers.get(name, "") for name in _PART_OF_THE_REQUEST]
    body = hashlib.sha256(await request.body()).hexdigest()
    context = msgspec.msgpack.encode([caller, key])
    return Attempt(
        scope=pepper.digest("idempotency-scope", context),
        request_hash=pepper.digest("idempotency-request", msgspec.msgpack.encode([*said, body])),
        context=context,
    )


async def _demand_alone(session: AsyncSession, attempt: Attempt) -> None:
    """The lock is held until the transaction ends."""
    number = int.from_bytes(attempt.scope[:8], "big", signed=True)
    if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": number}):
        raise IdempotencyKeyInFlight


def _replayed(pepper: Pepper, attempt: Attempt, sealed: bytes) -> Response:
    try:
        kept = msgspec.msgpack.decode(pepper.unseal("idempotency", attempt.context, sealed), type=Kept)
    except NotOurs as error:
        raise IdempotencyKeyReused("The first answer can no longer be read.") from error
    response = Response(content=kept.body, status_code=kept.status)
    for name, value in kept.headers:
        response.headers.append(name, value)
    response.headers["Idempotency-Replayed"] = "true"
    return response


_FIND: Any = text("SELECT request_hash, answer FROM app.idempotency_key WHERE scope = :scope AND expires_at > now()")
_INSERT: Any = text(
    """INSERT INTO app.idempotency_key (scope, request_hash, answer, expires_at)
    VALUES (:scope, :request_hash, :answer, now() + make_interval(days => :days))
    ON CONFLICT (scope) DO UPDATE SET request_hash = excluded.request_hash, answer = excluded.answer,
        created_at = now(), expires_at = excluded.expires_at WHERE idempotency_key.expires_at <= now()"""
)
