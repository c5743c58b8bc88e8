"""What may be claimed, what is told when. Pure; `now` is the chain's time, because the contract judges by it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal

from api.payouts.schemas import ToDo
from ledger.balances import HeldBucket, WalletState
from ledger.money import MicroUsdc

HOLD = timedelta(days=30)
NOTICE_DAYS = (0, 7, 21, 27, 29)
BUCKETS_A_TRANSACTION = 100
"""About 10k gas each."""
MOST_TIPS_ONE_BY_ONE = 1_000_000
"""That are summed in one answer; a second or two."""
MOST_ENTRIES = 20_000
"""Of a statement: a PDF of about 700 pages."""

HINTS: dict[ToDo, str] = {
    "register_wallet": "Register a wallet (`GET /api/v1/wallets/challenge`): the platform then claims by itself.",
    "claim": "`POST /api/v1/payouts/claim`, or call `claim(accountId, expiries)` on the splitter.",
    "wait": "A claim is on its way.",
    "wait_for_usdc": "USDC refuses this wallet. Register another one, or have it unlisted and claim again.",
    "expired": "It is the treasury's from now on.",
}


def is_live(bucket: HeldBucket, now: datetime) -> bool:
    """Claimable strictly before its expiry."""
    return now < bucket.expires_at


def to_do(bucket: HeldBucket, *, wallet: WalletState, claiming: Collection[int], now: datetime) -> ToDo:
    """`claiming`: the expiries that a claim of ours is on its way for."""
    if not is_live(bucket, now):
        return "expired"
    if bucket.expiry in claiming:
        return "wait"
    if wallet.status != "active":
        return "register_wallet"
    return "wait_for_usdc" if bucket.reasons == ["blacklisted"] else "claim"


def next_month(first_day: datetime) -> datetime:
    """The first moment of the month after."""
    return (first_day + timedelta(days=31)).replace(day=1)


def standing_of_month(
    month_ends: datetime, *, now: datetime, final_until: datetime | None, not_final: MicroUsdc
) -> tuple[Literal["final", "preliminary"], str]:
    """With the sentence for people. `final_until`: nothing before it can change any more."""
    if final_until is not None and final_until >= month_ends:
        return "final", "final: nothing in this month can change any more"
    running = "; the month is not over" if now < month_ends else ""
    return "preliminary", f"preliminary: {not_final} micro-USDC not final yet{running}"


def notice_due(expires_at: datetime, now: datetime) -> int | None:
    """The newest of the notices (by days since it was held) that is due; None once it has expired."""
    if now >= expires_at:
        return None
    held_for = now - (expires_at - HOLD)
    due = [day for day in NOTICE_DAYS if held_for >= timedelta(days=day)]
    return due[-1] if due else None


def in_transactions(expiries: Sequence[int]) -> list[list[int]]:
    """As many expiries as one transaction should carry, the first to expire first."""
    ordered = sorted(expiries)
    return [ordered[i : i + BUCKETS_A_TRANSACTION] for i in range(0, len(ordered), BUCKETS_A_TRANSACTION)]
