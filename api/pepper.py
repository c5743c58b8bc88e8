"""The one secret of the API, and what is derived from it. One purpose tells nothing about another."""

import hashlib
import hmac
import secrets

from Crypto.Cipher import AES

_NONCE_BYTES = 12
_TAG_BYTES = 16


class NotOurs(Exception):
    """It was sealed under another secret, or altered."""


class Pepper:
    """32 bytes, known to the API's processes only."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.name = self.digest("name", b"")[:4].hex()
        """Says under which pepper something was hashed, once there has been more than one."""

    def digest(self, purpose: str, value: bytes) -> bytes:
        """HMAC-SHA-256 under a key of that purpose's own."""
        key = hmac.digest(self._secret, purpose.encode(), hashlib.sha256)
        return hmac.digest(key, value, hashlib.sha256)

    def matches(self, purpose: str, value: bytes, digest: bytes) -> bool:
        """In constant time."""
        return hmac.compare_digest(self.digest(purpose, value), digest)

    def seal(self, purpose: str, context: bytes, plain: bytes) -> bytes:
        """AES-256-GCM under a key that only this pepper and `context` together make."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = AES.new(self.digest(purpose, context), AES.MODE_GCM, nonce=nonce)
        sealed, tag = cipher.encrypt_and_digest(plain)
        return nonce + tag + sealed

    def unseal(self, purpose: str, context: bytes, sealed: bytes) -> bytes:
        """Raises NotOurs."""
        nonce, tag = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES : _NONCE_BYTES + _TAG_BYTES]
        try:
            cipher = AES.new(self.digest(purpose, context), AES.MODE_GCM, nonce=nonce)
            return cipher.decrypt_and_verify(sealed[_NONCE_BYTES + _TAG_BYTES :], tag)
        except ValueError as error:
            raise NotOurs from error
