"""What counts, what may be submitted, and how a submitted tip stands. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from api.production.terms import Terms
from api.tips.rails import Authorization
from ledger.money import MicroUsdc

NotCounted = Literal["recipients_differ", "no_tip", "payer_is_recipient", "below_minimum", "payer_unknown"]
"""
- recipients_differ: it paid somebody else than the episode's creator and agent (nothing on-chain ties `ref` to them)
- no_tip: it paid for something else than an episode
- payer_is_recipient: a wallet of the creator or the agent paid
- below_minimum: it is split all the same, but it is no tip
- payer_unknown: money whose origin the ledger does not name
"""

Standing = Literal["pending", "settled", "refused"]
"""
- pending: the outcome is unknown; asking for money again would not be safe
- settled: the chain split it; how final that is, its finality says
- refused: it moved nothing and can move nothing any more, unless it is submitted again
"""

SUGGESTED_TIP = MicroUsdc(250_000)
VALIDITY = timedelta(hours=1)
"""Of what a quote proposes to sign: time enough for a hardware wallet, and for a relayer that waits for cheaper gas."""
LEAST_VALIDITY = timedelta(seconds=30)
"""An authorization that ends sooner would outdate before it is mined."""


@dataclass(frozen=True)
class Payment:
    """Money that came in: a tip, or one contribution to a flush. `payer` is None when the ledger names none."""

    terms: Terms
    payer: bytes | None
    amount: MicroUsdc


def why_not_counted(
    payment: Payment, *, episode: Terms, recipient_wallets: Iterable[bytes], minimum: MicroUsdc
) -> NotCounted | None:
    """None when it counts for the episode's totals and rank."""
    if payment.terms != episode:
        return "recipients_differ"
    if payment.payer is None:
        return "payer_unknown"
    if payment.payer in set(recipient_wallets):
        return "payer_is_recipient"
    if payment.amount < minimum:
        return "below_minimum"
    return None


def proposed_deadline(now: datetime) -> int:
    """Unix seconds until which a proposed signature is valid. `now` is the chain's time."""
    return int((now + VALIDITY).timestamp())


def is_not_yet_valid(signed: Authorization, now: datetime) -> bool:
    """EIP-3009: valid strictly after `validAfter`."""
    return now.timestamp() <= signed.valid_after


def is_expired(signed: Authorization, now: datetime) -> bool:
    """EIP-3009: valid strictly before `validBefore`; we ask for a little more than that."""
    return (now + LEAST_VALIDITY).timestamp() >= signed.valid_before


def standing(
    *, is_paid: bool, is_split: bool, refused_at: datetime | None, expired: bool, ledger_time: datetime
) -> Standing:
    """How a submitted authorization stands. `is_paid`: the money has left the payer, maybe for a vault not yet flushed.

    `refused_at` is when the relayer found that it would revert. Somebody else may have submitted it before us, so a
    refusal is told only when the ledger has seen everything up to that moment. `expired` is by the ledger's own time:
    whatever was mined before the end is in it.
    """
    if is_split:
        return "settled"
    if is_paid:
        return "pending"
    if refused_at is not None and ledger_time >= refused_at.astimezone(UTC):
        return "refused"
    if expired:
        return "refused"
    return "pending"
