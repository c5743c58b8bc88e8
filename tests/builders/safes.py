"""Safes of two owners who both must sign: Safe's own bytecode, from its npm package, deployed by its own factory."""

import json
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from web3 import Web3

from deploy.local import chain

_ARTIFACTS = chain.ROOT / "node_modules/@safe-global/safe-smart-account/build/artifacts/contracts"
_NOBODY = "0x" + "00" * 20
_SALT = 7
_SAFE_TX = [
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "data", "type": "bytes"},
    {"name": "operation", "type": "uint8"},
    {"name": "safeTxGas", "type": "uint256"},
    {"name": "baseGas", "type": "uint256"},
    {"name": "gasPrice", "type": "uint256"},
    {"name": "gasToken", "type": "address"},
    {"name": "refundReceiver", "type": "address"},
    {"name": "nonce", "type": "uint256"},
]


@dataclass(frozen=True)
class Safes:
    """What every Safe of a chain is made with."""

    factory: Any
    singleton: str
    handler: str

    @classmethod
    def installed(cls, w3: Web3) -> "Safes":
        factory = _deployed(w3, "proxies/SafeProxyFactory")
        return cls(
            factory, _deployed(w3, "Safe").address, _deployed(w3, "handler/CompatibilityFallbackHandler").address
        )

    def a_safe(self, *owned_by: LocalAccount) -> "Safe":
        """It has an address and two owners, and does not exist yet."""
        owners = sorted(
            owned_by or (Account.create(), Account.create()), key=lambda owner: bytes.fromhex(owner.address[2:])
        )
        return Safe(self, (owners[0], owners[1]))


@dataclass(frozen=True)
class Safe:
    made_with: Safes
    owners: tuple[LocalAccount, LocalAccount]
    """In the order of their addresses, as a Safe demands their signatures."""

    @property
    def address(self) -> str:
        factory = self.made_with.factory
        salt = keccak(keccak(self._initializer) + _SALT.to_bytes(32))
        code = factory.functions.proxyCreationCode().call() + encode(["address"], [self.made_with.singleton])
        seed = b"\xff" + bytes.fromhex(factory.address[2:]) + salt + keccak(code)
        return str(Web3.to_checksum_address(keccak(seed)[12:]))

    @property
    def deployment(self) -> bytes:
        """Calldata for the factory."""
        made = self.made_with
        call = made.factory.functions.createProxyWithNonce(made.singleton, self._initializer, _SALT)
        return bytes.fromhex(call._encode_transaction_data()[2:])

    def deploy(self, w3: Web3) -> None:
        sent = w3.eth.send_transaction(
            {"from": w3.eth.accounts[0], "to": self.made_with.factory.address, "data": self.deployment}
        )
        assert w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)["status"] == 1
        assert w3.eth.get_code(Web3.to_checksum_address(self.address))

    def sign(self, typed_data: dict[str, Any]) -> str:
        """Both owners sign a message of the Safe's about the digest."""
        signable = encode_typed_data(full_message=typed_data)
        digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
        domain = {"chainId": chain.CHAIN_ID, "verifyingContract": self.address}
        types = {"SafeMessage": [{"name": "message", "type": "bytes"}]}
        return "0x" + "".join(
            owner.sign_typed_data(domain, types, {"message": digest}).signature.hex() for owner in self.owners
        )

    def execute(self, w3: Web3, to: str, data: str) -> None:
        """Both owners sign that it calls `to`; anybody sends it."""
        safe = w3.eth.contract(Web3.to_checksum_address(self.address), abi=_artifact("Safe")["abi"]).functions
        call = (Web3.to_checksum_address(to), 0, bytes.fromhex(data[2:]), 0, 0, 0, 0, _NOBODY, _NOBODY)
        domain = {"chainId": w3.eth.chain_id, "verifyingContract": self.address}
        message = dict(zip((field["name"] for field in _SAFE_TX), (*call, safe.nonce().call()), strict=True))
        signatures = b"".join(
            owner.sign_typed_data(domain, {"SafeTx": _SAFE_TX}, message).signature for owner in self.owners
        )
        sent = safe.execTransaction(*call, signatures).transact({"from": w3.eth.accounts[0]})
        assert w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)["status"] == 1

    def sign_before_it_exists(self, typed_data: dict[str, Any]) -> str:
        """As ERC-6492 wraps it."""
        inner = bytes.fromhex(self.sign(typed_data)[2:])
        wrapped = encode(["address", "bytes", "bytes"], [self.made_with.factory.address, self.deployment, inner])
        return "0x" + (wrapped + bytes.fromhex("6492" * 16)).hex()

    @property
    def _initializer(self) -> bytes:
        selector = keccak(text="setup(address[],uint256,address,bytes,address,address,uint256,address)")[:4]
        kinds = ["address[]", "uint256", "address", "bytes", "address", "address", "uint256", "address"]
        owners = [owner.address for owner in self.owners]
        return selector + encode(kinds, [owners, 2, _NOBODY, b"", self.made_with.handler, _NOBODY, 0, _NOBODY])


def _deployed(w3: Web3, name: str) -> Any:
    artifact = _artifact(name)
    sent = w3.eth.send_transaction({"from": w3.eth.accounts[0], "data": artifact["bytecode"]})
    receipt = w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)
    assert receipt["contractAddress"] is not None
    return w3.eth.contract(receipt["contractAddress"], abi=artifact["abi"])


def _artifact(name: str) -> Any:
    return json.loads((_ARTIFACTS / f"{name}.sol" / f"{name.rsplit('/', maxsplit=1)[-1]}.json").read_text())
