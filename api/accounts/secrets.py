"""How keys, sessions and claim codes look. All of them are stored only as HMAC under our pepper.

An API key is `moltmotionpictures_` + public id (8) + secret (32, 190 bits) + checksum (6), in base62. The checksum
(CRC32 of what stands before it) lets scanners recognise a leaked key offline, and us refuse a typo without a query.
"""

import secrets
import string
import zlib
from dataclasses import dataclass

KEY_PREFIX = "moltmotionpictures_"
SESSION_PREFIX = "moltsession_"
KEY_PURPOSE = "api-key"
SESSION_PURPOSE = "session"
CLAIM_PURPOSE = "claim-code"

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PUBLIC_LENGTH = 8
_SECRET_LENGTH = 32  # log2(62) * 32 = 190.5 bits
_CHECKSUM_LENGTH = 6
_KEY_LENGTH = len(KEY_PREFIX) + _PUBLIC_LENGTH + _SECRET_LENGTH + _CHECKSUM_LENGTH
_CLAIM_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that reads like something else
_CLAIM_GROUPS = 3


@dataclass(frozen=True)
class ApiKey:
    """A key, taken apart. Its secret stays out of `repr`."""

    public_id: str
    secret: str

    def __repr__(self) -> str:
        return f"ApiKey({self.public_id}…)"

    def __str__(self) -> str:
        body = f"{KEY_PREFIX}{self.public_id}{self.secret}"
        return body + _checksum(body)


def new_key() -> ApiKey:
    return ApiKey(public_id=_random(_PUBLIC_LENGTH), secret=_random(_SECRET_LENGTH))


def parse_key(text: str) -> ApiKey | None:
    """None for anything that no key of ours can be."""
    body, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    if len(text) != _KEY_LENGTH or not body.startswith(KEY_PREFIX) or not body.isascii() or _checksum(body) != checksum:
        return None
    rest = body.removeprefix(KEY_PREFIX)
    return ApiKey(public_id=rest[:_PUBLIC_LENGTH], secret=rest[_PUBLIC_LENGTH:])


def new_session() -> str:
    return SESSION_PREFIX + _random(43)  # 256 bits


def new_claim_code() -> str:
    """`MOLT-7K3Q-…`: 60 bits, to be read aloud."""
    groups = ("".join(secrets.choice(_CLAIM_ALPHABET) for _ in range(4)) for _ in range(_CLAIM_GROUPS))
    return "-".join(["MOLT", *groups])


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
