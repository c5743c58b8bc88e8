"""The keys that sign. A key's secret stays inside its object: no repr, log line, error or pickle shows it.

`Signer` is all that the rest knows, so that a KMS is one more class here (it signs a digest; the rest is the same).
"""

import json
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

import structlog
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from pydantic import SecretStr

from relayer.fees import Fees
from relayer.outbox import Key
from relayer.settings import RelayerSettings, SettingsError

log = structlog.get_logger()


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

    async def sign(self, transaction: Unsigned) -> Signed: ...


class LocalKey:
    """A private key in this process's memory."""

    __slots__ = ("_account", "address")

    def __init__(self, account: LocalAccount) -> None:
        self._account = account
        self.address = bytes.fromhex(account.address[2:])

    async def sign(self, transaction: Unsigned) -> Signed:
        signed = self._account.sign_transaction(
            {
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
        )
        return Signed(transaction, raw=bytes(signed.raw_transaction), tx_hash=bytes(signed.hash))

    def __repr__(self) -> str:
        return f"LocalKey(0x{self.address.hex()})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")


def load(settings: RelayerSettings) -> dict[Key, Signer]:
    """Every key that is set, by name. Raises SettingsError when none is, or one cannot be used."""
    sources: dict[Key, Signer | None] = {
        "relayer": _key(
            "RELAYER_KEY",
            settings.relayer_key,
            settings.relayer_keystore,
            settings.relayer_keystore_password_file,
        ),
        "registrar": _key(
            "REGISTRAR_KEY",
            settings.registrar_key,
            settings.registrar_keystore,
            settings.registrar_keystore_password_file,
        ),
        "faucet": _key(
            "FAUCET_KEY",
            settings.faucet_key,
            settings.faucet_keystore,
            settings.faucet_keystore_password_file,
        ),
    }
    found = {name: signer for name, signer in sources.items() if signer is not None}
    if not found:
        raise SettingsError("No key is set: set RELAYER_KEY (hex) or RELAYER_KEYSTORE with its _PASSWORD_FILE.")
    return found


def _key(name: str, secret: SecretStr | None, keystore: Path | None, password_file: Path | None) -> LocalKey | None:
    if secret is not None and keystore is not None:
        raise SettingsError(f"{name} and {name}STORE are both set: keep one of them.")
    if secret is not None:
        return _unlocked(f"{name} is not 32 bytes of hex", secret.get_secret_value)
    if keystore is None:
        return None
    if password_file is None:
        raise SettingsError(f"{name}STORE is set, so {name}STORE_PASSWORD_FILE must name the file with its password.")
    for path in (keystore, password_file):
        _warn_if_others_may_read(path)
    return _unlocked(
        f"{name}STORE cannot be opened with its password (wrong password, or no keystore file)",
        lambda: Account.decrypt(json.loads(keystore.read_text()), password_file.read_text().rstrip("\r\n")),
    )


def _unlocked(complaint: str, read: Callable[[], Any]) -> LocalKey:
    with suppress(Exception):  # whatever the libraries say may quote the secret, so none of it goes on
        return LocalKey(Account.from_key(read()))
    raise SettingsError(complaint)


def _warn_if_others_may_read(path: Path) -> None:
    if path.exists() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        log.warning("key_file_readable_by_others", path=str(path))
