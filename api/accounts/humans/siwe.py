"""Sign-In with Ethereum (EIP-4361): the message, made by us, and made again byte for byte when it comes back signed.

The nonce carries its own time of issue under our HMAC, so a challenge is stored only once it was used.
"""

import base64
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from api.challenges import ChallengeInvalid
from api.pepper import Pepper
from api.wire import address_text

VALID_FOR = timedelta(minutes=5)

_TAG_BYTES, _TIME_BYTES, _RANDOM_BYTES = 12, 4, 4
_MESSAGE = """\
{domain} wants you to sign in with your Ethereum account:
{address}

{statement}

URI: {uri}
Version: 1
Chain ID: {chain_id}
Nonce: {nonce}
Issued At: {issued_at}
Expiration Time: {expires_at}"""
_STATEMENT = "Sign in to Molt Studios with this wallet. This moves no money and costs nothing."
_PLACES = re.compile(r"\n(0x[0-9a-fA-F]{40})\n(?:.*\n)*Nonce: ([a-z2-7]{32})\n")


@dataclass(frozen=True)
class Challenge:
    """One attempt to sign in."""

    address: bytes
    nonce: str
    issued_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.issued_at + VALID_FOR

    def message(self, *, url: str, chain_id: int) -> str:
        return _MESSAGE.format(
            domain=urlsplit(url).netloc,
            address=address_text(self.address),
            statement=_STATEMENT,
            uri=url,
            chain_id=chain_id,
            nonce=self.nonce,
            issued_at=_zulu(self.issued_at),
            expires_at=_zulu(self.expires_at),
        )


def challenge(pepper: Pepper, address: bytes, *, now: datetime) -> Challenge:
    said = int(now.timestamp()).to_bytes(_TIME_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
    return _challenge(pepper, address, said)


def read(pepper: Pepper, message: str, *, url: str, chain_id: int) -> Challenge:
    """The challenge that gave `message`, byte for byte. Raises ChallengeInvalid."""
    found = _PLACES.search(message)
    if found is None:
        raise ChallengeInvalid("This is not the message of a challenge of ours.")
    said = base64.b32decode(found[2].upper())[_TAG_BYTES:]
    given = _challenge(pepper, bytes.fromhex(found[1][2:]), said)
    if not hmac.compare_digest(given.nonce, found[2]) or given.message(url=url, chain_id=chain_id) != message:
        raise ChallengeInvalid("The message is not, byte for byte, the one that we gave for this wallet.")
    return given


def _challenge(pepper: Pepper, address: bytes, said: bytes) -> Challenge:
    tag = pepper.digest("sign-in-nonce", address + said)[:_TAG_BYTES]
    issued_at = datetime.fromtimestamp(int.from_bytes(said[:_TIME_BYTES], "big"), UTC)
    return Challenge(address, base64.b32encode(tag + said).decode().lower(), issued_at)


def _zulu(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
