"""Paying an episode by any of the five rails. Start at `pay`.

Calldata and typed data are built here from the ids and the amount that the payer saw, and the vault's address is asked
of the contract itself: nothing that a server says is signed unread.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from molt import events, splitter, typed_data
from molt.chain import Receipt, Rpc, topic
from molt.client import Molt
from molt.events import TipSplit
from molt.money import MicroUsdc, format_usdc
from molt.problems import ChainRefused, InsufficientFunds, NotFound, OutcomeUnknown, ServerProblem, Unreachable
from molt.shapes import Tip
from molt.splitter import Deployment, Rail, Terms
from molt.typed_data import TypedData
from molt.wallet import Wallet

VALIDITY_SECONDS = 3600  # of what is signed: enough for a relayer that waits for cheaper gas
SETTLE_TIMEOUT_SECONDS = 90.0
LEDGER_TIMEOUT_SECONDS = 30.0
FLUSH_TIMEOUT_SECONDS = 30.0
_POLL_SECONDS = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Paid:
    """A tip that the chain has split, and the transaction that split it."""

    split: TipSplit
    receipt: Receipt

    @property
    def tip_id(self) -> str:
        """Its id at the API."""
        return f"{self.split.tx_hash}-{self.split.log_index}"


@dataclass(frozen=True)
class Payer:
    """A wallet on a chain, ready to tip."""

    wallet: Wallet
    rpc: Rpc
    chain: Deployment

    def send(self, to: str, data: str) -> Receipt:
        return self.wallet.send(self.rpc, to=to, data=data)


def pay(payer: Payer, molt: Molt, *, rail: Rail, terms: Terms, amount: MicroUsdc, say: Say) -> Paid:
    """Tips, and waits until the chain has split it. `say` is told each step before it happens.

    Raises `InsufficientFunds`, `ChainRefused` or `ApiProblem` with nothing moved; `OutcomeUnknown` when it was sent and
    is not settled in time: look it up then, and do not pay again.
    """
    require_balance(payer, amount)
    match rail:
        case "approve":
            return _by_approval(payer, terms, amount, say)
        case "permit":
            return _by_permit(payer, terms, amount, say)
        case "authorization":
            return _gasless(payer, molt, terms, amount, say)
        case "x402":
            return _into_the_vault(payer, molt, terms, amount, say)
        case "transfer":
            return _by_transfer(payer, terms, amount, say)


def in_ledger(molt: Molt, paid: Paid, *, timeout_seconds: float = LEDGER_TIMEOUT_SECONDS) -> Tip:
    """The API's account of a tip, once the indexer has copied it. Raises `OutcomeUnknown` when that takes too long."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return molt.tip(paid.tip_id)
        except NotFound:
            if time.monotonic() > deadline:
                raise OutcomeUnknown(
                    f"the chain has split tip {paid.tip_id}, and after {timeout_seconds:.0f} s the ledger lacks it",
                    hint="`molt doctor` tells how far the indexer is; the money has arrived all the same",
                ) from None
            time.sleep(_POLL_SECONDS)


def require_balance(payer: Payer, amount: MicroUsdc) -> None:
    balance = splitter.usdc_balance(payer.rpc, payer.chain, payer.wallet.address)
    if balance < amount:
        raise InsufficientFunds(
            f"{payer.wallet.address} has {format_usdc(balance)} USDC and would pay {format_usdc(amount)}",
            hint=f"`molt faucet {payer.wallet.address}` gives test USDC on a local chain",
        )


def _by_approval(payer: Payer, terms: Terms, amount: MicroUsdc, say: Say) -> Paid:
    ours = (payer.wallet.address, payer.chain.splitter)
    allowed: int = payer.rpc.read(payer.chain.usdc, "allowance(address,address)", ours, returns="uint256")
    if allowed < amount:
        say(f"approve the splitter for exactly {format_usdc(amount)} USDC")
        payer.send(payer.chain.usdc, splitter.approve_call(payer.chain.splitter, amount))
    say("tip: the splitter pulls it and pays three recipients at once")
    return _paid(payer, terms, payer.send(payer.chain.splitter, splitter.tip_call(terms, amount)))


def _by_permit(payer: Payer, terms: Terms, amount: MicroUsdc, say: Say) -> Paid:
    nonce: int = payer.rpc.read(payer.chain.usdc, "nonces(address)", (payer.wallet.address,), returns="uint256")
    deadline = _deadline(payer)
    say("sign a permit (EIP-2612), and tip with it in one transaction")
    typed = typed_data.permit(payer.chain, owner=payer.wallet.address, amount=amount, nonce=nonce, deadline=deadline)
    data = splitter.tip_with_permit_call(terms, amount, deadline, payer.wallet.sign(typed))
    return _paid(payer, terms, payer.send(payer.chain.splitter, data))


def _gasless(payer: Payer, molt: Molt, terms: Terms, amount: MicroUsdc, say: Say) -> Paid:
    """EIP-3009: the signature's nonce is the hash of the terms, so that nobody who submits it can change them."""
    salt = secrets.token_bytes(32)
    typed = typed_data.receive_authorization(
        payer.chain, payer=payer.wallet.address, amount=amount, terms=terms, salt=salt, valid_before=_deadline(payer)
    )
    say("sign an authorization (EIP-3009); the platform's relayer pays the gas")
    return _paid(payer, terms, _submitted(payer, molt, "authorization", terms, typed, salt=salt))


def _into_the_vault(payer: Payer, molt: Molt, terms: Terms, amount: MicroUsdc, say: Say) -> Paid:
    """What an x402 client signs: a transfer to the episode's vault, the one field of it that can carry terms."""
    vault = splitter.vault_of(payer.rpc, payer.chain, terms)
    typed = typed_data.transfer_authorization(
        payer.chain,
        payer=payer.wallet.address,
        vault=vault,
        amount=amount,
        valid_before=_deadline(payer),
        nonce=secrets.token_bytes(32),
    )
    say(f"sign a payment to the episode's vault {vault}; the relayer pulls and splits it in one transaction")
    return _paid(payer, terms, _submitted(payer, molt, "x402", terms, typed))


def _by_transfer(payer: Payer, terms: Terms, amount: MicroUsdc, say: Say) -> Paid:
    vault = splitter.vault_of(payer.rpc, payer.chain, terms)
    say(f"transfer plain USDC to the episode's vault {vault}")
    transfer = payer.send(payer.chain.usdc, splitter.transfer_call(vault, amount))
    say("flush: whoever calls it, the vault can only be split")
    return _paid(payer, terms, _flushed(payer, terms, vault, transfer, say))


def _flushed(payer: Payer, terms: Terms, vault: str, transfer: Receipt, say: Say) -> Receipt:
    """The flush that split the transfer: ours, or the platform's when it was quicker.

    Raises `OutcomeUnknown` when neither is mined in time: the money is in the vault, and must not be sent again.
    """
    try:
        return payer.send(payer.chain.splitter, splitter.flush_call(terms))
    except ChainRefused as refused:
        # Perhaps the platform's is mined already, or is in the node's pending block, by which ours is judged.
        refusal = refused
    say("our flush was refused: waiting for the platform's")
    paid_at = transfer.block_number, transfer.logs[-1].log_index
    deadline = time.monotonic() + FLUSH_TIMEOUT_SECONDS
    while True:
        logs = payer.rpc.logs(
            payer.chain.splitter,
            from_block=transfer.block_number,
            topics=[topic(events.VAULT_FLUSHED), "0x" + vault[2:].lower().rjust(64, "0")],
        )
        for log in logs:
            if (log.block_number, log.log_index) > paid_at:
                return payer.rpc.wait_for_receipt(log.tx_hash)
        if time.monotonic() >= deadline:
            raise OutcomeUnknown(
                f"vault {vault} is paid, and no flush of it is known yet: {refusal.detail}",
                hint="the platform flushes it, or anybody; `molt tips` will show it; do not pay again",
            ) from refusal
        time.sleep(_POLL_SECONDS)


def _submitted(
    payer: Payer,
    molt: Molt,
    rail: Literal["authorization", "x402"],
    terms: Terms,
    typed: TypedData,
    *,
    salt: bytes | None = None,
) -> Receipt:
    """Hands it over and waits. Without an answer it may have arrived all the same: then its outcome is unknown."""
    signature = payer.wallet.sign(typed)
    try:
        submitted = molt.submit_authorization(rail=rail, terms=terms, typed=typed, signature=signature, salt=salt)
        return _settled(payer, molt, submitted["id"])
    except (Unreachable, ServerProblem) as error:
        until = time.strftime("%H:%M:%S UTC", time.gmtime(int(typed["message"]["validBefore"])))
        raise OutcomeUnknown(
            f"the authorization is signed and may be paid until {until}: {error.detail}",
            hint=f"look for it among the tips of {payer.wallet.address}; do not pay again before that",
        ) from error


def _settled(payer: Payer, molt: Molt, tip_id: str) -> Receipt:
    """Waits until the ledger has it, then reads the chain's own receipt."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        tip = molt.tip(tip_id)
        if tip["status"] == "refused":
            raise _refused(tip)
        if (settlement := tip["settlement"]) is not None:
            return payer.rpc.wait_for_receipt(settlement["tx_hash"])
        time.sleep(_POLL_SECONDS)
    raise OutcomeUnknown(
        f"tip {tip_id} is submitted and not settled after {SETTLE_TIMEOUT_SECONDS:.0f} s",
        hint=f"`molt tips show {tip_id}` tells what became of it; do not pay again",
    )


def _refused(tip: Tip) -> ChainRefused:
    refusal = tip["refusal"]
    if refusal is None:
        return ChainRefused(f"tip {tip['id']} was refused")
    return ChainRefused(refusal["detail"], hint=refusal["hint"], error_name=refusal["code"])


def _paid(payer: Payer, terms: Terms, receipt: Receipt) -> Paid:
    splits = events.tip_splits(receipt.logs, payer.chain.splitter)
    ours = next((s for s in splits if (s.creator, s.agent, s.ref) == (terms.creator, terms.agent, terms.ref)), None)
    if ours is None:
        raise OutcomeUnknown(f"transaction {receipt.tx_hash} holds no split of this tip", hint="look it up by its hash")
    return Paid(ours, receipt)


def _deadline(payer: Payer) -> int:
    """By the chain's clock: the one that will judge it."""
    return payer.rpc.block().timestamp + VALIDITY_SECONDS
