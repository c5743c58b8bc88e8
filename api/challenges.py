"""What a wallet is asked to sign: a token that we made, believed once and not for long.

A challenge is not stored when it is given (so that asking for one is a plain GET): it says all that it stands for,
under our HMAC. Using it leaves its digest behind, in the transaction of what it was used for.
"""

import base64
import hmac
from datetime import datetime
from typing import Literal, TypeVar

import msgspec
from sqlalchemy import text

from api.db import WriteSession
from api.errors import Problem
from api.pepper import Pepper

Purpose = Literal["sign_in", "wallet", "recovery"]
T = TypeVar("T")

_TAG_BYTES = 16


class ChallengeInvalid(Problem):
    """This challenge was not given by us, or not for this."""

    code, status = "CHALLENGE_INVALID", 422
    hint = "Ask for a new challenge, and sign it unchanged."


class ChallengeExpired(Problem):
    """This challenge has expired."""

    code, status = "CHALLENGE_EXPIRED", 422
    hint = "Ask for a new challenge, and sign it in time."


class ChallengeUsed(Problem):
    """This challenge was used already."""

    code, status = "CHALLENGE_USED", 409
    hint = "Ask for a new challenge. A retry of the same request sends the same Idempotency-Key."


class SignatureInvalid(Problem):
    """The signature is not this wallet's over this challenge."""

    code, status = "SIGNATURE_INVALID", 422
    hint = "Sign the challenge unchanged, with the key of the wallet that it names, on the chain that it names."


def give(pepper: Pepper, purpose: Purpose, content: msgspec.Struct) -> str:
    """The token: URL-safe, opaque."""
    said = msgspec.msgpack.encode(content)
    tag = pepper.digest(f"challenge-{purpose}", said)[:_TAG_BYTES]
    return base64.urlsafe_b64encode(tag + said).rstrip(b"=").decode()


def read(pepper: Pepper, purpose: Purpose, token: str, kind: type[T]) -> T:
    """What the token stands for. Raises ChallengeInvalid."""
    try:
        signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as error:
        raise ChallengeInvalid from error
    tag, said = signed[:_TAG_BYTES], signed[_TAG_BYTES:]
    if not hmac.compare_digest(pepper.digest(f"challenge-{purpose}", said)[:_TAG_BYTES], tag):
        raise ChallengeInvalid
    return msgspec.msgpack.decode(said, type=kind)


async def use(session: WriteSession, pepper: Pepper, purpose: Purpose, token: str, *, expires_at: datetime) -> None:
    """Once for ever. Two at once: the second waits for the first. Raises ChallengeUsed."""
    digest = pepper.digest(f"used-{purpose}", token.encode())
    inserted = await session.execute(
        text(
            """INSERT INTO app.used_challenge (digest, purpose, expires_at) VALUES (:digest, :purpose, :expires_at)
            ON CONFLICT DO NOTHING RETURNING digest"""
        ),
        {"digest": digest, "purpose": purpose, "expires_at": expires_at},
    )
    if inserted.one_or_none() is None:
        raise ChallengeUsed


async def purge(session: WriteSession) -> None:
    """Forgets what has expired a day ago: it would be refused anyway."""
    await session.execute(text("DELETE FROM app.used_challenge WHERE expires_at < now() - interval '1 day'"))
