"""A wallet whose key lies on this machine: it signs typed data and messages, and sends raw transactions.

Keys come from an environment variable, a file or a keystore, never from the command line, which others on the machine
can read.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hexbytes import HexBytes

from molt.chain import Receipt, Rpc, RpcRefused, refusal
from molt.problems import BadSetting, ChainRefused, InsufficientFunds, NoCredentials, OutcomeUnknown, Unreachable
from molt.splitter import ERROR_NAMES
from molt.typed_data import TypedData

if TYPE_CHECKING:
    from eth_account import Account
    from eth_account.signers.local import LocalAccount

KEY_VARIABLE = "MOLT_WALLET_KEY"
KEYSTORE_VARIABLE = "MOLT_WALLET_KEYSTORE"
PASSWORD_FILE_VARIABLE = "MOLT_WALLET_PASSWORD_FILE"  # noqa: S105  # the name of a variable

_DEV_MNEMONIC = "test test test test test test test test test test test junk"  # Anvil's, public
_GAS_HEADROOM = 75_000
"""Above the estimate; what is unused is given back. A limit must cover the 20k that the transient balance slot refunds.
And an estimate is made at the newest block's time: when shares were held in that very second, it finds both recipients'
buckets there already, and misses the 17.1k that each costs anew a block later."""


@dataclass(frozen=True)
class Wallet:
    """An address that can sign."""

    account: "LocalAccount"

    @property
    def address(self) -> str:
        return str(self.account.address)

    def sign(self, typed: TypedData) -> bytes:
        """The 65-byte EIP-712 signature."""
        return bytes(self.account.sign_typed_data(full_message=typed).signature)

    def sign_message(self, text: str) -> bytes:
        """The EIP-191 signature that `personal_sign` gives, over an EIP-4361 text."""
        from eth_account.messages import encode_defunct  # noqa: PLC0415  # see _accounts

        return bytes(self.account.sign_message(encode_defunct(text=text)).signature)

    def send(self, rpc: Rpc, *, to: str, data: str, value_wei: int = 0, gas_limit: int | None = None) -> Receipt:
        """Sends and waits. Raises `ChainRefused` before sending when it would revert, and after when it did.

        With `gas_limit` nothing is simulated first, and a reverted receipt is returned instead of raised.
        """
        call = {"from": self.address, "to": to, "data": data, "value": hex(value_wei)}
        try:
            limit = gas_limit or int(rpc.ask("eth_estimateGas", call), 16) + _GAS_HEADROOM
            receipt = rpc.wait_for_receipt(self._broadcast(rpc, to, data, value_wei, limit))
        except RpcRefused as error:
            raise refusal(error, ERROR_NAMES) from error
        if not receipt.succeeded and gas_limit is None:
            raise ChainRefused(f"transaction {receipt.tx_hash} was mined and reverted")
        return receipt

    def _broadcast(self, rpc: Rpc, to: str, data: str, value_wei: int, gas_limit: int) -> str:
        priority = int(rpc.ask("eth_maxPriorityFeePerGas"), 16)
        highest = 2 * rpc.block().base_fee_wei + priority
        if rpc.balance_wei(self.address) < gas_limit * highest + value_wei:
            raise InsufficientFunds(
                f"{self.address} has too little ETH for gas",
                hint=f"`molt faucet {self.address}` gives some on a local chain",
            )
        signed = self.account.sign_transaction(
            {
                "type": 2,
                "chainId": rpc.chain_id(),
                "nonce": int(rpc.ask("eth_getTransactionCount", self.address, "pending"), 16),
                "to": HexBytes(to),
                "data": HexBytes(data),
                "value": value_wei,
                "gas": gas_limit,
                "maxFeePerGas": highest,
                "maxPriorityFeePerGas": priority,
            }
        )
        tx_hash = "0x" + bytes(signed.hash).hex()
        try:
            rpc.ask("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
        except Unreachable as error:
            raise OutcomeUnknown(
                f"transaction {tx_hash} was being sent when the chain stopped answering",
                hint="look it up by its hash before you pay again",
            ) from error
        except RpcRefused as error:
            if "already known" not in error.message:
                raise
        return tx_hash


def fresh() -> Wallet:
    """A new random wallet, kept nowhere."""
    return Wallet(_accounts().create())


def dev(index: int) -> Wallet:
    """One of the funded accounts of a local development chain. Their keys are public: worth nothing elsewhere."""
    accounts = _accounts()
    accounts.enable_unaudited_hdwallet_features()
    return Wallet(accounts.from_mnemonic(_DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}"))


def load(
    *,
    key_file: Path | None = None,
    keystore: Path | None = None,
    ask_password: Callable[[str], str] | None = None,
) -> Wallet:
    """The wallet of the given key file or keystore, else of MOLT_WALLET_KEYSTORE, else of MOLT_WALLET_KEY.

    Raises `NoCredentials` when none is named and `BadSetting` when the named one does not open.
    """
    if key_file is not None:
        return _from_hex(_read(key_file), str(key_file))
    from_environment = os.environ.get(KEYSTORE_VARIABLE)
    if keystore is not None or from_environment:
        return _from_keystore(keystore or Path(from_environment or ""), ask_password)
    if key := os.environ.get(KEY_VARIABLE):
        return _from_hex(key, KEY_VARIABLE)
    raise NoCredentials(
        "this needs a wallet's key to sign with, and none is named",
        hint=f"set {KEY_VARIABLE}, or pass --keystore FILE or --key-file FILE; `molt wallet new FILE` makes one",
    )


def create_keystore(path: Path, password: str) -> Wallet:
    """A new wallet in a new encrypted file with mode 0600. Raises `BadSetting` rather than overwrite one."""
    wallet = fresh()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadSetting(
            f"{path} cannot be created: {error.strerror}", hint="name a file that does not exist yet"
        ) from error
    with os.fdopen(handle, "w") as file:
        json.dump(_accounts().encrypt(wallet.account.key, password), file)
    return wallet


def _from_keystore(path: Path, ask_password: Callable[[str], str] | None) -> Wallet:
    text = _read(path)
    password_file = os.environ.get(PASSWORD_FILE_VARIABLE)
    if password_file:
        password = _read(Path(password_file)).rstrip("\n")
    elif ask_password is not None:
        password = ask_password(str(path))
    else:
        raise NoCredentials(f"{path} needs its password", hint=f"set {PASSWORD_FILE_VARIABLE} to a file that holds it")
    try:
        return Wallet(_accounts().from_key(_accounts().decrypt(text, password)))
    except (ValueError, KeyError, TypeError) as error:
        raise BadSetting(
            f"{path} does not open: {error}", hint="wrong password, or not a keystore (version 3 JSON)"
        ) from error


def _from_hex(text: str, source: str) -> Wallet:
    try:
        return Wallet(_accounts().from_key(text.strip()))
    except Exception:  # noqa: BLE001  # eth-keys raises several kinds, and some of them quote the key
        msg = f"{source} does not hold a private key"
    raise BadSetting(msg, hint="expected are 64 hexadecimal digits, with or without 0x")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}") from error


def _accounts() -> "type[Account]":
    from eth_account import Account  # noqa: PLC0415  # it takes 0.4 s, and most commands sign nothing

    return Account
