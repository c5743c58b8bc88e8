"""Keys kept by a signing service (a KMS behind a sidecar, docs/keys.md): two questions over HTTP, answers in DER.

The service is not believed: a signature counts only when our address is what it recovers to.
"""

import asyncio
import base64
from typing import Any, NamedTuple, Protocol

import httpx
from coincurve import PublicKey
from coincurve.utils import GROUP_ORDER_INT as ORDER
from Crypto.Util.asn1 import DerBitString, DerObjectId, DerSequence
from eth_utils.crypto import keccak
from pydantic import AnyHttpUrl, Secret, SecretStr

EC_PUBLIC_KEY = "1.2.840.10045.2.1"  # RFC 5480
SECP256K1 = "1.3.132.0.10"  # SEC 2
SHOWN_LENGTH = 200
"""Of the reason that the service gives for a refusal."""


class KmsError(Exception):
    """The signing service gave no usable answer; ask again later. What it may have signed never left this process."""


class UnusableKey(Exception):
    """The signing service's key is none that can sign transactions: the message says why."""


class Recoverable(NamedTuple):
    """A signature as transactions have it; `s` is in the lower half of the curve's order (EIP-2)."""

    v: int
    r: int
    s: int


class Kms(Protocol):
    """Both raise KmsError."""

    async def public_key(self, key_id: str) -> bytes:
        """SubjectPublicKeyInfo in DER (RFC 5480)."""

    async def sign(self, key_id: str, digest: bytes) -> bytes:
        """ECDSA-Sig-Value in DER (RFC 3279) over these 32 bytes as they are, not hashed again."""


class HttpKms:
    """A service that speaks the protocol of docs/keys.md."""

    def __init__(
        self, url: Secret[AnyHttpUrl], token: SecretStr | None, timeout_seconds: float, client: httpx.AsyncClient
    ) -> None:
        self._url = url
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._client = client

    async def public_key(self, key_id: str) -> bytes:
        return await self._ask("public-key", "public_key", key_id=key_id)

    async def sign(self, key_id: str, digest: bytes) -> bytes:
        return await self._ask("sign", "signature", key_id=key_id, digest=base64.b64encode(digest).decode())

    async def _ask(self, path: str, wanted: str, **question: str) -> bytes:
        url = self._url.get_secret_value()
        headers = {"authorization": f"Bearer {self._token.get_secret_value()}"} if self._token else {}
        told = f"{path} of {url.host}"
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._client.post(
                    f"{str(url).rstrip('/')}/{path}", json=question, headers=headers, timeout=None
                )
            if response.status_code != httpx.codes.OK:
                raise KmsError(f"{told}: HTTP {response.status_code} {_reason(response)}".rstrip())
            return base64.b64decode(response.json()[wanted], validate=True)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, TypeError, LookupError) as error:
            # the error's own words may quote the URL, which may hold a password
            raise KmsError(f"{told}: {type(error).__name__}") from None


def address_of(public_key: bytes) -> bytes:
    """Of a public key as SubjectPublicKeyInfo. Raises UnusableKey."""
    try:
        algorithm, point = _pair(public_key)
        names = [DerObjectId().decode(name, strict=True).value for name in _pair(algorithm)]
        if names != [EC_PUBLIC_KEY, SECP256K1]:
            raise UnusableKey(f"it is not on secp256k1 (algorithm {names[0]}, curve {names[1]})")
        return _address(PublicKey(DerBitString().decode(point, strict=True).value))
    except (ValueError, TypeError, IndexError) as error:
        raise UnusableKey("it is no SubjectPublicKeyInfo of a point on secp256k1") from error


def recoverable(signature: bytes, digest: bytes, address: bytes) -> Recoverable:
    """Services return either half of `s`, and not the parity: the one is folded, the other found by trying.

    Raises KmsError when neither parity leads to `address`: then it is no signature of our key over this digest.
    """
    try:
        r, s = _pair(signature)
    except (ValueError, TypeError, IndexError):
        raise KmsError("the signature is not in DER") from None
    if not (isinstance(r, int) and isinstance(s, int) and 0 < r < ORDER and 0 < s < ORDER):
        raise KmsError("the signature is out of range")
    low = min(s, ORDER - s)
    for v in (0, 1):
        if _signer(v, r, low, digest) == address:
            return Recoverable(v, r, low)
    raise KmsError("the signature is not one of our key over what we asked")


def _pair(sequence: bytes) -> tuple[Any, Any]:
    """Of two elements: an integer is an int, anything else its DER. Raises ValueError, TypeError or IndexError."""
    found = DerSequence().decode(sequence, strict=True, nr_elements=2)
    return found[0], found[1]


def _signer(v: int, r: int, s: int, digest: bytes) -> bytes | None:
    """None: no key makes this signature."""
    compact = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])
    try:
        return _address(PublicKey.from_signature_and_message(compact, digest, hasher=None))
    except ValueError:
        return None


def _address(point: PublicKey) -> bytes:
    return keccak(point.format(compressed=False)[1:])[-20:]


def _reason(response: httpx.Response) -> str:
    """What the service gives as its reason."""
    try:
        return str(response.json()["error"])[:SHOWN_LENGTH]
    except (ValueError, TypeError, LookupError):
        return ""
