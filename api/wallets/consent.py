"""What a wallet signs (EIP-712), and what the registrar sends with it. The contract checks the same words again."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from api import calldata, signatures
from api.wire import address_text, hex_text
from ledger import ids
from ledger.deployment import Deployment

Kind = Literal["register", "rotate"]
TypedData = dict[str, Any]

ACCEPTED_FOR_SECONDS = 900
"""We take the signature so long, by the chain's time …"""
DEADLINE_SECONDS = 3600
"""… and the contract so long, because the transaction may have to wait."""
OTHER_CHAINS = (1, 10, 137, 8453, 31337, 42161, 84532, 11155111)
"""Where wallets sign by mistake."""

_DOMAIN = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address")]
_CONSENT = [("accountId", "bytes32"), ("wallet", "address"), ("nonce", "uint256"), ("deadline", "uint256")]
_ROTATION = [
    ("accountId", "bytes32"),
    ("oldWallet", "address"),
    ("newWallet", "address"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
]


class Challenge(msgspec.Struct, array_like=True):
    """All that a challenge stands for; its token carries it. Times are the chain's, unix seconds."""

    kind: Kind
    account_id: UUID
    requested_by: UUID
    chain_id: int
    splitter: bytes
    wallet: bytes
    old_wallet: bytes | None
    """Of a rotation."""
    is_first: bool
    """The account never had a wallet; any later one waits 48 hours, unless the old one co-signs."""
    nonce: int
    accepted_until: int
    deadline: int


@dataclass(frozen=True)
class Signed:
    """What the registrar sends: terms and the signatures over them, as the contract takes them."""

    kind: Kind
    account_id: UUID
    wallet: bytes
    deadline: int
    consent: bytes
    cosignature: bytes
    """Of the old wallet; empty without."""

    @classmethod
    def over(cls, given: Challenge, consent: bytes, cosignature: bytes) -> "Signed":
        return cls(given.kind, given.account_id, given.wallet, given.deadline, consent, cosignature)


def consent(deployment: Deployment, given: Challenge) -> TypedData:
    """What the new wallet signs."""
    message = {
        "accountId": hex_text(ids.account_id(given.account_id)),
        "wallet": address_text(given.wallet),
        "nonce": str(given.nonce),
        "deadline": str(given.deadline),
    }
    return _typed(deployment, "WalletConsent", _CONSENT, message)


def rotation(deployment: Deployment, given: Challenge) -> TypedData | None:
    """What the old wallet signs, to change at once. None when there is no old one."""
    if given.old_wallet is None:
        return None
    message = {
        "accountId": hex_text(ids.account_id(given.account_id)),
        "oldWallet": address_text(given.old_wallet),
        "newWallet": address_text(given.wallet),
        "nonce": str(given.nonce),
        "deadline": str(given.deadline),
    }
    return _typed(deployment, "WalletRotation", _ROTATION, message)


def digest(typed: TypedData, *, chain_id: int | None = None) -> bytes:
    """The 32 bytes that are signed; `chain_id`: as a wallet on another chain would have signed it."""
    if chain_id is not None:
        typed = {**typed, "domain": {**typed["domain"], "chainId": chain_id}}
    signable = encode_typed_data(full_message=typed)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def signed_on(typed: TypedData, wallet: bytes, signature: bytes) -> int | None:
    """The other chain that the signature is for, if it is for one."""
    right = typed["domain"]["chainId"]
    wrong = (chain_id for chain_id in OTHER_CHAINS if chain_id != right)
    return next((each for each in wrong if signatures.recover(digest(typed, chain_id=each), signature) == wallet), None)


def transaction(signed: Signed) -> bytes:
    """Calldata of `register` or `rotate`."""
    terms = (ids.account_id(signed.account_id), address_text(signed.wallet), signed.deadline, signed.consent)
    if signed.kind == "register":
        return calldata.call("register(bytes32,address,uint256,bytes)", *terms)
    return calldata.call("rotate(bytes32,address,uint256,bytes,bytes)", *terms, signed.cosignature)


def in_words(given: Challenge, *, whose: str) -> str:
    """The same for people."""
    wallet = address_text(given.wallet)
    if given.old_wallet is None:
        return f"From now on, Molt Studios pays {whose} at {wallet}, on chain {given.chain_id}."
    old = address_text(given.old_wallet)
    return (
        f"Molt Studios shall pay {whose} at {wallet} instead of {old}, on chain {given.chain_id}: "
        "after 48 hours, or at once if the old wallet signs, too."
    )


def _typed(deployment: Deployment, primary: str, fields: list[tuple[str, str]], message: dict[str, Any]) -> TypedData:
    return {
        "types": {"EIP712Domain": _named(_DOMAIN), primary: _named(fields)},
        "primaryType": primary,
        "domain": dict(deployment.splitter_domain),
        "message": message,
    }


def _named(fields: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in fields]
