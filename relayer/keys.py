"""The keys that sign: in memory (from the environment or a keystore file), or with a signing service (docs/keys.md).

`Signer` is all that the rest knows. A secret stays inside its object: no repr, log line, error or pickle shows it.
"""

import json
import stat
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, NoReturn, Protocol, get_args

import httpx
import structlog
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from pydantic import SecretStr

from relayer.fees import Fees
from relayer.kms import HttpKms, Kms, UnusableKey, address_of, recoverable
from relayer.outbox import Key
from relayer.settings import RelayerSettings, SettingsError

log = structlog.get_logger()

SEVERAL: Collection[Key] = {"relayer"}
"""Names that several keys may share, because anybody may send what they send. The others hold a role each."""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An EIP-1559 transaction."""

    chain_id: int
    nonce: int
    to: bytes
    data: bytes
    value_wei: int
    gas_limit: int
    fees: Fees


@dataclass(frozen=True, slots=True)
class Signed:
    transaction: Unsigned
    raw: bytes
    tx_hash: bytes


class Signer(Protocol):
    @property
    def address(self) -> bytes: ...

    async def sign(self, transaction: Unsigned) -> Signed:
        """Bytes that recover to `address`. Raises KmsError when the key is elsewhere and cannot be had now."""


class LocalKey:
    """A private key in this process's memory."""

    __slots__ = ("_account", "address")

    def __init__(self, account: LocalAccount) -> None:
        self._account = account
        self.address = bytes.fromhex(account.address[2:])

    async def sign(self, transaction: Unsigned) -> Signed:
        signed = self._account.sign_transaction(_fields(transaction))
        return Signed(transaction, raw=bytes(signed.raw_transaction), tx_hash=bytes(signed.hash))

    def __repr__(self) -> str:
        return f"LocalKey(0x{self.address.hex()})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")


class RemoteKey:
    """A private key that a signing service keeps. It sees digests only, and each of its answers is checked."""

    __slots__ = ("_key_id", "_kms", "address")

    def __init__(self, kms: Kms, key_id: str, address: bytes) -> None:
        self._kms = kms
        self._key_id = key_id
        self.address = address

    async def sign(self, transaction: Unsigned) -> Signed:
        fields = _fields(transaction)
        digest = TypedTransaction.from_dict(fields).hash()
        answer = await self._kms.sign(self._key_id, digest)
        signature = recoverable(answer, digest, self.address)
        raw = TypedTransaction.from_dict({**fields, **signature._asdict()}).encode()
        return Signed(transaction, raw=raw, tx_hash=keccak(raw))

    def __repr__(self) -> str:
        return f"RemoteKey(0x{self.address.hex()})"


def _fields(transaction: Unsigned) -> dict[str, Any]:
    return {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "to": to_checksum_address(transaction.to),
        "value": transaction.value_wei,
        "data": transaction.data,
        "gas": transaction.gas_limit,
        "maxFeePerGas": transaction.fees.max_fee_wei,
        "maxPriorityFeePerGas": transaction.fees.priority_fee_wei,
    }


async def load(settings: RelayerSettings, client: httpx.AsyncClient) -> dict[Key, Sequence[Signer]]:
    """Every key that is set, by name.

    Raises SettingsError when none is, or one cannot be used; KmsError while the signing service does not tell whose
    address its keys have.
    """
    names: Sequence[Key] = get_args(Key)
    found = {name: await _signers(settings, name, client) for name in names}
    if not any(found.values()):
        raise SettingsError(
            "No key is set: set RELAYER_KEY (hex), RELAYER_KEYSTORE with its _PASSWORD_FILE, or RELAYER_KMS_KEY."
        )
    return {name: signers for name, signers in found.items() if signers}


async def _signers(settings: RelayerSettings, name: Key, client: httpx.AsyncClient) -> Sequence[Signer]:
    setting = f"{name.upper()}_KEY"
    local = _local_keys(
        setting,
        getattr(settings, f"{name}_key"),
        getattr(settings, f"{name}_keystore"),
        getattr(settings, f"{name}_keystore_password_file"),
    )
    found: list[Signer] = [*local, *await _remote_keys(settings, f"{name.upper()}_KMS_KEY", client)]
    if len(found) > 1 and name not in SEVERAL:
        raise SettingsError(f"{setting}: {len(found)} keys are given, and only one can hold its role.")
    if len({signer.address for signer in found}) < len(found):
        raise SettingsError(f"{setting}: the same key is given twice.")
    return found


async def _remote_keys(settings: RelayerSettings, setting: str, client: httpx.AsyncClient) -> list[RemoteKey]:
    key_ids: Sequence[str] = getattr(settings, setting.lower())
    if not key_ids:
        return []
    if settings.relayer_kms_url is None:
        raise SettingsError(f"{setting} is set, so RELAYER_KMS_URL must name the signing service (docs/keys.md).")
    kms = HttpKms(settings.relayer_kms_url, settings.relayer_kms_token, settings.relayer_kms_timeout_seconds, client)
    try:
        return [RemoteKey(kms, key_id, address_of(await kms.public_key(key_id))) for key_id in key_ids]
    except UnusableKey as error:
        raise SettingsError(f"{setting}: a key of the signing service cannot be used: {error}.") from None


def _local_keys(
    setting: str, secrets: Sequence[SecretStr], keystores: Sequence[Path], password_files: Sequence[Path]
) -> list[LocalKey]:
    if secrets and keystores:
        raise SettingsError(f"{setting} and {setting}STORE are both set: keep one of them.")
    if keystores and len(password_files) not in {1, len(keystores)}:
        raise SettingsError(
            f"{setting}STORE is set, so {setting}STORE_PASSWORD_FILE must name the file with its password:"
            " one for all keystores, or as many."
        )
    passwords = cycle(password_files)
    return [_unlocked(f"{setting} is not 32 bytes of hex", secret.get_secret_value) for secret in secrets] + [
        _opened(setting, keystore, next(passwords)) for keystore in keystores
    ]


def _opened(setting: str, keystore: Path, password_file: Path) -> LocalKey:
    for path in (keystore, password_file):
        _warn_if_others_may_read(path)
    return _unlocked(
        f"{setting}STORE {keystore.name} cannot be opened with its password (wrong password, or no keystore file)",
        lambda: Account.decrypt(json.loads(keystore.read_text()), password_file.read_text().rstrip("\r\n")),
    )


def _unlocked(complaint: str, read: Callable[[], Any]) -> LocalKey:
    with suppress(Exception):  # whatever the libraries say may quote the secret, so none of it goes on
        return LocalKey(Account.from_key(read()))
    raise SettingsError(complaint)


def _warn_if_others_may_read(path: Path) -> None:
    if path.exists() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        log.warning("key_file_readable_by_others", path=str(path))
