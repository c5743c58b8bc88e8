"""Every call that is measured, on a chain of its own where nothing is left to chance: keys, nonces and times are fixed.

So a figure is the same to the unit each time: what a signature or an address costs depends on its zero bytes.
"""

import json
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD as _DISCARD
from web3.types import TxReceipt

from deploy.local import chain
from deploy.local.accounts import Cast, cast
from scripts.gas import signing
from scripts.gas.signing import FAR, Signer
from tests.builders.safes import Safe, Safes

AMOUNT = 250_000
SHARES = (200_000, 47_500, 2_500)
START = 2_000_000_000
"""The chain's time, unix seconds."""
DAY = 86_400
GAS_LIMIT = 3_000_000
"""Given, because an estimate would be made at another time than ours."""


class Bench:
    """A chain of its own with two registered accounts, a third without a wallet, and a floor contract."""

    def __init__(self, w3: Web3, splitter: str) -> None:
        self.w3 = w3
        self._now = START
        self.cast: Cast = cast()
        self.payer: LocalAccount = self.cast.viewers[0]
        self.permitter: LocalAccount = self.cast.viewers[1]
        """A permit overwrites the allowance, so the payer who approved keeps away from it."""
        self.usdc = w3.eth.contract(chain.USDC, abi=_abi("FiatTokenV2_2"))
        self.splitter = w3.eth.contract(Web3.to_checksum_address(splitter), abi=_abi("TipSplitter"))
        self.floor, self.holder = self._deploy_floor(), self._deploy_floor()
        """The second goes on holding what it got, as the splitter does."""
        self.creator, self.agent, self.nobody = (n.to_bytes(32) for n in (0xC0FFEE << 96, 0xA6E27 << 96, 0xDEAD << 96))
        self._salt = 0
        self._wallets = 0
        self.wallets = (self.a_wallet(), self.a_wallet())
        for account_id, wallet in zip((self.creator, self.agent), self.wallets, strict=True):
            self._register(account_id, wallet)
        for address in (*(w.address for w in self.wallets), self.cast.treasury.address, self.splitter.address):
            self.send(self.usdc.functions.mint(address, 1_000_000), self.cast.faucet)
        for spender in (self.splitter.address, self.floor.address, self.holder.address):
            self.send(self.usdc.functions.approve(spender, 2**256 - 1), self.payer)
        self.safe = self._a_safe()

    # ------------------------------------------------------------------------------------------------- the rails

    def approve(self) -> int:
        return self.send(self.splitter.functions.tip(self.creator, self.agent, AMOUNT, self.ref()), self.payer)

    def permit(self) -> int:
        tip = self.splitter.functions.tipWithPermit
        signature = self._sign_permit(self.splitter.address)
        return self.send(tip(self.creator, self.agent, AMOUNT, self.ref(), FAR, signature), self.permitter)

    def authorization(self) -> int:
        return self._tip_authorized(self.payer)

    def authorization_safe(self) -> int:
        return self._tip_authorized(self.safe)

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
        account_id, wallet = self.ref(), self.a_wallet()
        expiries = [self._hold(account_id) for _ in range(3)]
        self._register(account_id, wallet)
        self.send(self.usdc.functions.mint(wallet.address, 1_000_000), self.cast.faucet)
        return self.send(self.splitter.functions.claim(account_id, [expiries[1]]), self.cast.relayer)

    # ---------------------------------------------------------------------------------------------- beside the rails

    def first_usdc(self) -> int:
        """The creator's wallet never held USDC."""
        account_id = self.ref()
        self._register(account_id, self.a_wallet())
        return self.send(self.splitter.functions.tip(account_id, self.agent, AMOUNT, self.ref()), self.payer)

    def flush(self) -> int:
        ref = self.ref()
        terms = (self.creator, self.agent, ref)
        self.send(self.splitter.functions.deployVaults([terms]), self.cast.relayer)
        vault = self.splitter.functions.vaultOf(*terms).call()
        for _ in range(2):  # the first payment to a vault, and its first flush, write slots for good
            self.send(self.usdc.functions.transfer(vault, AMOUNT), self.payer)
            gas = self.send(self.splitter.functions.flush(*terms), self.cast.relayer)
        return gas

    def deploy_one(self) -> int:
        return self._deploy_vaults(1)

    def deploy_five(self) -> int:
        return self._deploy_vaults(5)

    def sweep(self) -> int:
        """Of an account with three expired buckets."""
        account_id = self.ref()
        expiries = [self._hold(account_id) for _ in range(3)]
        self._now += 30 * DAY
        return self.send(self.splitter.functions.sweep(account_id, [expiries[1]]), self.cast.relayer)

    def register(self) -> int:
        return self._register(self.ref(), self.a_wallet())

    def register_safe(self) -> int:
        return self._register(self.ref(), self._a_safe())

    def rotate(self) -> int:
        """Announced: it waits 48 hours."""
        return self._rotate(cosigned=False)[1]

    def rotate_cosigned(self) -> int:
        return self._rotate(cosigned=True)[1]

    def confirm(self) -> int:
        account_id, _ = self._rotate(cosigned=False)
        self._now += 2 * DAY
        return self.send(self.splitter.functions.confirmRotation(account_id), self.cast.relayer)

    # ------------------------------------------------------------------------------------------------ the floors

    def floor_approve(self) -> int:
        return self.send(self.floor.functions.approved(self.legs()), self.payer)

    def floor_permit(self) -> int:
        signature = self._sign_permit(self.floor.address)
        return self.send(self.floor.functions.permitted(self.legs(), AMOUNT, FAR, signature), self.permitter)

    def floor_authorization(self) -> int:
        return self._floor_authorized(self.payer)

    def floor_authorization_safe(self) -> int:
        return self._floor_authorized(self.safe)

    def floor_x402(self) -> int:
        """One recipient and no split: what a stock x402 payment costs anywhere."""
        nonce = self.ref()
        to = self.wallets[0].address
        signature = signing.authorization(self.payer, "TransferWithAuthorization", to, AMOUNT, nonce)
        call = self.usdc.get_function_by_signature(
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
        )(self.payer.address, to, AMOUNT, 0, FAR, nonce, signature)
        return self.send(call, self.cast.relayer)

    floor_x402_deploying = floor_x402

    def floor_held(self) -> int:
        legs = [(self.holder.address, SHARES[0]), *self.legs()[1:]]
        return self.send(self.holder.functions.approved(legs), self.payer)

    def floor_claim(self) -> int:
        """A transfer by whoever holds it."""
        return self.send(self.usdc.functions.transfer(self.wallets[0].address, SHARES[0]), self.payer)

    floor_sweep = floor_claim

    def floor_first_usdc(self) -> int:
        legs = [(self.a_wallet().address, SHARES[0]), *self.legs()[1:]]
        return self.send(self.floor.functions.approved(legs), self.payer)

    def floor_flush(self) -> int:
        self.send(self.usdc.functions.transfer(self.floor.address, AMOUNT), self.payer)
        return self.send(self.floor.functions.paid(self.legs()), self.cast.relayer)

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
        self._now += 60  # two holds of one second would share a bucket
        chain.request(self.w3, "evm_setNextBlockTimestamp", self._now)
        receipt = self.w3.eth.wait_for_transaction_receipt(
            call.transact({"from": sender.address, "gas": GAS_LIMIT}), poll_latency=0.01
        )
        if receipt["status"] != 1:
            raise RuntimeError(f"{call.fn_name} reverted")
        return receipt

    def a_wallet(self) -> LocalAccount:
        """A key that is the same each time."""
        self._wallets += 1
        wallet: LocalAccount = Account.from_key(Web3.keccak(text=f"wallet {self._wallets}"))
        return wallet

    def _a_safe(self) -> Safe:
        """Deployed, of two owners, with USDC."""
        safe = Safes.installed(self.w3).a_safe(self.a_wallet(), self.a_wallet())
        safe.deploy(self.w3)
        self.send(self.usdc.functions.mint(safe.address, 2_000_000), self.cast.faucet)
        return safe

    def _tip_authorized(self, payer: Signer) -> int:
        ref, salt = self.ref(), self.ref()
        nonce = self.splitter.functions.termsNonce(self.creator, self.agent, ref, salt).call()
        signature = signing.authorization(payer, "ReceiveWithAuthorization", self.splitter.address, AMOUNT, nonce)
        tip = self.splitter.functions.tipWithAuthorization(
            payer.address, self.creator, self.agent, AMOUNT, ref, salt, 0, FAR, signature
        )
        return self.send(tip, self.cast.relayer)

    def _floor_authorized(self, payer: Signer) -> int:
        nonce = self.ref()
        signature = signing.authorization(payer, "ReceiveWithAuthorization", self.floor.address, AMOUNT, nonce)
        call = self.floor.functions.authorized(self.legs(), payer.address, AMOUNT, FAR, nonce, signature)
        return self.send(call, self.cast.relayer)

    def _deploy_vaults(self, count: int) -> int:
        terms = [(self.creator, self.agent, self.ref()) for _ in range(count)]
        return self.send(self.splitter.functions.deployVaults(terms), self.cast.relayer)

    def _tip_x402(self, ref: bytes) -> int:
        vault = self.splitter.functions.vaultOf(self.creator, self.agent, ref).call()
        nonce = Web3.keccak(self.ref())
        signature = signing.authorization(self.payer, "TransferWithAuthorization", vault, AMOUNT, nonce)
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

    def _register(self, account_id: bytes, wallet: Signer) -> int:
        consent = self._consent(account_id, wallet)
        call = self.splitter.functions.register(account_id, wallet.address, FAR, consent)
        return self.send(call, self.cast.registrar)

    def _rotate(self, *, cosigned: bool) -> tuple[bytes, int]:
        """The account, and what announcing or making the change cost."""
        account_id, old, new = self.ref(), self.a_wallet(), self.a_wallet()
        self._register(account_id, old)
        nonce = self.splitter.functions.consentNonce(account_id).call()
        own = signing.rotation(old, new, self.splitter.address, account_id, nonce) if cosigned else b""
        call = self.splitter.functions.rotate(account_id, new.address, FAR, self._consent(account_id, new), own)
        return account_id, self.send(call, self.cast.registrar)

    def _consent(self, account_id: bytes, wallet: Signer) -> bytes:
        nonce = self.splitter.functions.consentNonce(account_id).call()
        return signing.consent(wallet, self.splitter.address, account_id, nonce)

    def _sign_permit(self, spender: str) -> bytes:
        nonce = self.usdc.functions.nonces(self.permitter.address).call()
        return signing.permit(self.permitter, spender, AMOUNT, nonce)

    def _deploy_floor(self) -> Contract:
        artifact = json.loads((chain.ROOT / "out/dev/GasFloor.sol/GasFloor.json").read_text())
        factory = self.w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"]["object"])
        address = self.receipt(factory.constructor(chain.USDC), self.cast.admin)["contractAddress"]
        return self.w3.eth.contract(Web3.to_checksum_address(str(address)), abi=artifact["abi"])


def _abi(name: str) -> list[dict[str, Any]]:
    abi: list[dict[str, Any]] = json.loads((chain.ROOT / "contracts/abi" / f"{name}.json").read_text())
    return abi
