"""argon2id with the library's parameters (RFC 9106, low-memory); a fraction of a second of CPU, off the event loop."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


async def hashed(password: str) -> str:
    return await asyncio.to_thread(_hasher().hash, password)


async def fits(password: str, password_hash: str | None) -> bool:
    """Takes as long for an account that does not exist (None), so that the answer's time tells nothing."""
    return await asyncio.to_thread(_fits, password, password_hash or _nobodys()) and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Hashed with parameters that are no longer ours."""
    return _hasher().check_needs_rehash(password_hash)


def _fits(password: str, password_hash: str) -> bool:
    try:
        return _hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody has this password")
