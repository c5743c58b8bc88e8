"""Ids that the platform and the contract share: an account or a ref on-chain is `bytes32(uint256(uuid))`."""

from uuid import UUID

from eth_hash.backends.pysha3 import keccak256

PLATFORM_ID: bytes = keccak256(b"molt.studios.platform")
"""The account under which the contract holds the platform's own shares."""


class NotOneOfOurIds(ValueError):
    """The bytes32 is no left-padded UUID: somebody tipped an account or a ref that this platform did not make."""

    def __init__(self, value: bytes) -> None:
        super().__init__(f"0x{value.hex()} is no left-padded UUID")
        self.value = value


def account_id(uuid: UUID) -> bytes:
    """The bytes32 of an account."""
    return uuid.bytes.rjust(32, b"\0")


def ref_id(uuid: UUID) -> bytes:
    """The bytes32 of an episode."""
    return uuid.bytes.rjust(32, b"\0")


def uuid_of(value: bytes) -> UUID:
    """The way back. Raises NotOneOfOurIds for anything that neither `account_id` nor `ref_id` can give."""
    if len(value) != 32 or any(value[:16]):  # noqa: PLR2004 - a bytes32 of a 16-byte UUID
        raise NotOneOfOurIds(value)
    return UUID(bytes=value[16:])
