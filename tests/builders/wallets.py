"""Wallets that sign: ordinary keys, and contracts of theirs that exist (ERC-1271) or do not yet (ERC-6492)."""

from dataclasses import dataclass
from typing import Any

import httpx
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.builders.accounts import Somebody

CREATE2_FACTORY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""Arachnid's proxy, which Anvil brings along: takes salt ++ init code."""


def sign(wallet: LocalAccount, typed_data: dict[str, Any]) -> str:
    return str(wallet.sign_message(encode_typed_data(full_message=typed_data)).signature.to_0x_hex())


@dataclass(frozen=True)
class ContractWallet:
    """Accepts what its owner signed."""

    owner: LocalAccount
    salt: bytes = bytes(32)

    @property
    def init_code(self) -> bytes:
        """Runtime: isValidSignature(hash, r ++ s ++ v) answers the magic value iff ecrecover gives the owner."""
        runtime = bytes.fromhex(
            "600435600052"  # memory 0: the hash
            "60a43560f81c602052606435604052608435606052"  # v, r, s
            "602060806080600060015afa50"  # ecrecover
            + f"73{self.owner.address[2:]}60805114"  # is it the owner?
            + "631626ba7e60e01b0260005260206000f3"  # then the magic value
        )
        return bytes.fromhex(f"60{len(runtime):02x}8060093d393df3") + runtime

    @property
    def address(self) -> str:
        seed = b"\xff" + bytes.fromhex(CREATE2_FACTORY[2:]) + self.salt + keccak(self.init_code)
        return str(to_checksum_address(keccak(seed)[12:]))

    def deploy(self, w3: Any) -> None:
        sent = w3.eth.send_transaction(
            {"from": w3.eth.accounts[0], "to": CREATE2_FACTORY, "data": self.salt + self.init_code}
        )
        assert w3.eth.wait_for_transaction_receipt(sent)["status"] == 1
        assert w3.eth.get_code(self.address)

    def sign(self, typed_data: dict[str, Any]) -> str:
        return sign(self.owner, typed_data)

    def sign_before_it_exists(self, typed_data: dict[str, Any]) -> str:
        """As ERC-6492 wraps it."""
        inner = bytes.fromhex(self.sign(typed_data)[2:])
        wrapped = encode(["address", "bytes", "bytes"], [CREATE2_FACTORY, self.salt + self.init_code, inner])
        return "0x" + (wrapped + bytes.fromhex("6492" * 16)).hex()


def a_contract_wallet() -> ContractWallet:
    return ContractWallet(Account.create())


async def a_challenge(http: httpx.AsyncClient, who: Somebody, address: str, **query: Any) -> dict[str, Any]:
    answer = await http.get("/api/v1/wallets/challenge", params={"address": address, **query}, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def prove(http: httpx.AsyncClient, who: Somebody, wallet: LocalAccount, **query: Any) -> httpx.Response:
    """Challenge, signature, registration."""
    challenge = await a_challenge(http, who, wallet.address, **query)
    proof = {"challenge": challenge["challenge"], "signature": sign(wallet, challenge["typed_data"])}
    return await http.post("/api/v1/wallets", json=proof, headers=who.headers)
