"""`make gas`: what every rail costs on a real Anvil with Circle's real bytecode, beside its floor and its peers.

Prints a table, then one line of JSON; exits non-zero when a target is missed. The floor is measured in the same run:
the bare token calls of the rail (contracts/dev/GasFloor.sol). Recipients already hold USDC, the payer keeps a balance.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from rich.console import Console
from rich.table import Table
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD as _DISCARD
from web3.types import TxReceipt

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from deploy.local import chain  # noqa: E402  (a script finds the project's packages only now)
from deploy.local.accounts import Cast, cast  # noqa: E402

AMOUNT = 250_000
SHARES = (200_000, 47_500, 2_500)
FAR = 2**40
"""A deadline, unix seconds."""


@dataclass(frozen=True)
class Priced:
    """A way to tip (or to claim), what it may cost, and what others ask for the nearest thing (docs/gas.md)."""

    name: str
    target: int
    peer: str = ""


@dataclass(frozen=True)
class Measured:
    path: str
    gas: int
    target: int
    floor: int | None
    ratio_to_floor: float | None
    peer: str
    met: bool


PATHS = {
    "approve": Priced("approve, tip", 94_000, "124.1k Coinbase Commerce (2 recipients), 138.9k 0xSplits push (2 tx)"),
    "permit": Priced("EIP-2612, tipWithPermit", 114_000, "152.2k Coinbase Commerce (2 recipients)"),
    "authorization": Priced("EIP-3009, tipWithAuthorization", 133_000, "171.3k Base commerce-payments (2 recipients)"),
    "x402": Priced("x402, vault deployed", 138_000, "179.6k 0xSplits (not atomic), 187.3k x402-exec (own client)"),
    "x402_deploying": Priced("x402, the tip deploys the vault", 270_000),
    "held": Priced("approve, one share held (steady)", 123_000),
    "claim": Priced("claim of one bucket", 60_000),
}


class Bench:
    """A chain of its own with two registered accounts, a third without a wallet, and a floor contract."""

    def __init__(self, w3: Web3, splitter: str) -> None:
        self.w3 = w3
        self.cast: Cast = cast()
        self.payer: LocalAccount = self.cast.viewers[0]
        self.permitter: LocalAccount = self.cast.viewers[1]
        """A permit overwrites the allowance, so the payer who approved keeps away from it."""
        self.usdc = w3.eth.contract(chain.USDC, abi=_abi("FiatTokenV2_2"))
        self.splitter = w3.eth.contract(Web3.to_checksum_address(splitter), abi=_abi("TipSplitter"))
        self.floor = self._deploy_floor()
        self.creator, self.agent, self.nobody = (n.to_bytes(32) for n in (0xC0FFEE << 96, 0xA6E27 << 96, 0xDEAD << 96))
        self._salt = 0
        self.wallets = (Account.create(), Account.create())
        for account_id, wallet in zip((self.creator, self.agent), self.wallets, strict=True):
            self._register(account_id, wallet)
        for address in (*(w.address for w in self.wallets), self.cast.treasury.address, self.splitter.address):
            self.send(self.usdc.functions.mint(address, 1_000_000), self.cast.faucet)
        for spender in (self.splitter.address, self.floor.address):
            self.send(self.usdc.functions.approve(spender, 2**256 - 1), self.payer)

    # ------------------------------------------------------------------------------------------------- the rails

    def approve(self) -> int:
        return self.send(self.splitter.functions.tip(self.creator, self.agent, AMOUNT, self.ref()), self.payer)

    def permit(self) -> int:
        tip = self.splitter.functions.tipWithPermit
        signature = self.sign_permit(self.splitter.address)
        return self.send(tip(self.creator, self.agent, AMOUNT, self.ref(), FAR, signature), self.permitter)

    def authorization(self) -> int:
        ref, salt = self.ref(), self.ref()
        nonce = self.splitter.functions.termsNonce(self.creator, self.agent, ref, salt).call()
        signature = self.sign_authorization("ReceiveWithAuthorization", self.splitter.address, nonce)
        tip = self.splitter.functions.tipWithAuthorization(
            self.payer.address, self.creator, self.agent, AMOUNT, ref, salt, 0, FAR, signature
        )
        return self.send(tip, self.cast.relayer)

    def x402(self) -> int:
        ref = self.ref()
        self.send(self.splitter.functions.deployVaults([(self.creator, self.agent, ref)]), self.cast.relayer)
        self._tip_x402(ref)
        return self._tip_x402(ref)

    def x402_deploying(self) -> int:
        return self._tip_x402(self.ref())

    def held(self) -> int:
        def tip() -> int:
            return self.send(self.splitter.functions.tip(self.nobody, self.agent, AMOUNT, self.ref()), self.payer)

        tip()
        return tip()

    def claim(self) -> int:
        """Of an account that was tipped three times before it had a wallet: the splitter goes on holding after it."""
        account_id, wallet = self.ref(), Account.create()
        expiries = [self._hold(account_id) for _ in range(3)]
        self._register(account_id, wallet)
        self.send(self.usdc.functions.mint(wallet.address, 1_000_000), self.cast.faucet)
        return self.send(self.splitter.functions.claim(account_id, [expiries[1]]), self.cast.relayer)

    # ------------------------------------------------------------------------------------------------ the floors

    def floor_approve(self) -> int:
        return self.send(self.floor.functions.approved(self.legs()), self.payer)

    def floor_permit(self) -> int:
        signature = self.sign_permit(self.floor.address)
        return self.send(self.floor.functions.permitted(self.legs(), AMOUNT, FAR, signature), self.permitter)

    def floor_authorization(self) -> int:
        nonce = self.ref()
        signature = self.sign_authorization("ReceiveWithAuthorization", self.floor.address, nonce)
        call = self.floor.functions.authorized(self.legs(), self.payer.address, AMOUNT, FAR, nonce, signature)
        return self.send(call, self.cast.relayer)

    def floor_x402(self) -> int:
        """One recipient and no split: what a stock x402 payment costs anywhere."""
        nonce = self.ref()
        to = self.wallets[0].address
        signature = self.sign_authorization("TransferWithAuthorization", to, nonce)
        call = self.usdc.get_function_by_signature(
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
        )(self.payer.address, to, AMOUNT, 0, FAR, nonce, signature)
        return self.send(call, self.cast.relayer)

    # -------------------------------------------------------------------------------------------------- below

    def legs(self) -> list[tuple[str, int]]:
        to = (self.wallets[0].address, self.cast.treasury.address, self.wallets[1].address)
        return list(zip(to, SHARES, strict=True))

    def ref(self) -> bytes:
        """A fresh id, as an account or an episode has one: 16 bytes of it are zero."""
        self._salt += 1
        return Web3.keccak(self._salt.to_bytes(32))[:16].rjust(32, b"\0")

    def send(self, call: Any, sender: LocalAccount) -> int:
        """The receipt's gasUsed. Raises RuntimeError when the call reverts."""
        return self.receipt(call, sender)["gasUsed"]

    def receipt(self, call: Any, sender: LocalAccount) -> TxReceipt:
        chain.request(self.w3, "evm_increaseTime", 60)  # two holds of one second would share a bucket
        receipt = self.w3.eth.wait_for_transaction_receipt(call.transact({"from": sender.address}), poll_latency=0.01)
        if receipt["status"] != 1:
            raise RuntimeError(f"{call.fn_name} reverted")
        return receipt

    def sign_permit(self, spender: str) -> bytes:
        message = {
            "owner": self.permitter.address,
            "spender": spender,
            "value": AMOUNT,
            "nonce": self.usdc.functions.nonces(self.permitter.address).call(),
            "deadline": FAR,
        }
        types = "owner:address spender:address value:uint256 nonce:uint256 deadline:uint256"
        return self._sign(self.permitter, "Permit", types, message)

    def sign_authorization(self, kind: str, to: str, nonce: bytes) -> bytes:
        message = {
            "from": self.payer.address,
            "to": to,
            "value": AMOUNT,
            "validAfter": 0,
            "validBefore": FAR,
            "nonce": nonce,
        }
        types = "from:address to:address value:uint256 validAfter:uint256 validBefore:uint256 nonce:bytes32"
        return self._sign(self.payer, kind, types, message)

    def _tip_x402(self, ref: bytes) -> int:
        vault = self.splitter.functions.vaultOf(self.creator, self.agent, ref).call()
        nonce = Web3.keccak(self.ref())
        signature = self.sign_authorization("TransferWithAuthorization", vault, nonce)
        tip = self.splitter.functions.tipX402(
            self.payer.address, self.creator, self.agent, ref, AMOUNT, 0, FAR, nonce, signature
        )
        return self.send(tip, self.cast.relayer)

    def _hold(self, account_id: bytes) -> int:
        """Holds a creator's share; its expiry."""
        receipt = self.receipt(self.splitter.functions.tip(account_id, self.agent, AMOUNT, self.ref()), self.payer)
        held = self.splitter.events.ShareHeld().process_receipt(receipt, errors=_DISCARD)
        expires_at: int = held[0]["args"]["expiresAt"]
        return expires_at

    def _register(self, account_id: bytes, wallet: LocalAccount) -> None:
        nonce = self.splitter.functions.consentNonce(account_id).call()
        message = {"accountId": account_id, "wallet": wallet.address, "nonce": nonce, "deadline": FAR}
        types = "accountId:bytes32 wallet:address nonce:uint256 deadline:uint256"
        signature = self._sign(wallet, "WalletConsent", types, message, contract=self.splitter.address)
        call = self.splitter.functions.register(account_id, wallet.address, FAR, signature)
        self.send(call, self.cast.registrar)

    def _sign(
        self, signer: LocalAccount, kind: str, types: str, message: dict[str, Any], contract: str = chain.USDC
    ) -> bytes:
        ours = contract == self.splitter.address
        name, version = ("Molt Studios", "1") if ours else ("USDC", "2")
        domain = {"name": name, "version": version, "chainId": chain.CHAIN_ID, "verifyingContract": contract}
        fields = [dict(zip(("name", "type"), field.split(":"), strict=True)) for field in types.split()]
        return bytes(signer.sign_typed_data(domain, {kind: fields}, message).signature)

    def _deploy_floor(self) -> Contract:
        artifact = json.loads((ROOT / "out/dev/GasFloor.sol/GasFloor.json").read_text())
        factory = self.w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"]["object"])
        address = self.receipt(factory.constructor(chain.USDC), self.cast.admin)["contractAddress"]
        return self.w3.eth.contract(Web3.to_checksum_address(str(address)), abi=artifact["abi"])


def main() -> int:
    build()
    with chain.running() as url:
        w3 = chain.connect(url)
        chain.install_usdc(w3)
        bench = Bench(w3, chain.deploy_splitter(w3)["splitter"])
        measured = [measure(bench, name, path) for name, path in PATHS.items()]
    show(measured)
    print(json.dumps({"amount_micro_usdc": AMOUNT, "paths": [asdict(row) for row in measured]}))
    return 0 if all(row.met for row in measured) else 1


def build() -> None:
    forge = ROOT / "node_modules/.bin/forge"
    environment = os.environ | {"FOUNDRY_PROFILE": "release"}
    floor = ["--out", "out/dev", "--cache-path", "cache/dev"]
    for command in (["contracts/src"], ["contracts/dev", *floor]):
        subprocess.run([forge, "build", "--quiet", *command], check=True, cwd=ROOT, env=environment)


def measure(bench: Bench, name: str, path: Priced) -> Measured:
    run: Callable[[], int] = getattr(bench, name)
    bare: Callable[[], int] | None = getattr(bench, f"floor_{name}", None)
    run()  # slots that the first use of a path writes for good (nonces, balances) are not its price
    gas = run()
    floor = None
    if bare is not None:
        bare()
        floor = bare()
    ratio = round(gas / floor, 3) if floor else None
    return Measured(path.name, gas, path.target, floor, ratio, path.peer, met=gas <= path.target)


def show(measured: list[Measured]) -> None:
    table = Table(title="Gas per transaction (receipt gasUsed, 0.25 USDC, prague rules)", title_justify="left")
    for heading in ("path", "gas", "target", "", "floor", "gas/floor", "nearest peer, as published"):
        table.add_column(heading, justify="left" if heading.startswith(("path", "nearest")) else "right")
    for row in measured:
        mark = "[green]✓[/]" if row.met else "[red]✗[/]"
        floor, ratio = (f"{row.floor:,}", f"{row.ratio_to_floor:.2f}") if row.floor else ("", "")
        table.add_row(row.path, f"{row.gas:,}", f"{row.target:,}", mark, floor, ratio, row.peer)
    Console(width=max(140, Console().width)).print(table)


def _abi(name: str) -> list[dict[str, Any]]:
    abi: list[dict[str, Any]] = json.loads((ROOT / "contracts/abi" / f"{name}.json").read_text())
    return abi


if __name__ == "__main__":
    sys.exit(main())
