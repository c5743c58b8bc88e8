"""What may be claimed when, what is told when, and how many buckets a transaction takes."""

from datetime import UTC, datetime, timedelta

import pytest

from api.payouts import rules
from ledger.balances import HeldBucket, WalletState
from ledger.money import MicroUsdc

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EXPIRY = NOW + timedelta(days=3)
ACTIVE = WalletState(wallet=b"\1" * 20, status="active", rotation=None, finality="safe")
NONE = WalletState(wallet=None, status="none", rotation=None, finality=None)
REVOKED = WalletState(wallet=b"\1" * 20, status="revoked", rotation=None, finality="safe")


def a_bucket(*reasons: str) -> HeldBucket:
    return HeldBucket(b"\0" * 32, EXPIRY, MicroUsdc(200_000), [b"\3" * 32], list(reasons or ["no_wallet"]), "safe")


@pytest.mark.parametrize(
    ("bucket", "wallet", "claiming", "now", "to_do"),
    [
        (a_bucket(), NONE, [], NOW, "register_wallet"),
        (a_bucket(), REVOKED, [], NOW, "register_wallet"),
        (a_bucket(), ACTIVE, [], NOW, "claim"),
        (a_bucket("blacklisted"), ACTIVE, [], NOW, "wait_for_usdc"),
        (a_bucket("blacklisted", "no_wallet"), ACTIVE, [], NOW, "claim"),
        (a_bucket(), ACTIVE, [int(EXPIRY.timestamp())], NOW, "wait"),
        (a_bucket(), ACTIVE, [], EXPIRY - timedelta(seconds=1), "claim"),
        (a_bucket(), ACTIVE, [], EXPIRY, "expired"),
    ],
)
def test_what_to_do_about_a_bucket(
    bucket: HeldBucket, wallet: WalletState, claiming: list[int], now: datetime, to_do: str
) -> None:
    assert rules.to_do(bucket, wallet=wallet, claiming=claiming, now=now) == to_do


@pytest.mark.parametrize(
    ("days", "notice"),
    [(0, 0), (6.99, 0), (7, 7), (20, 7), (21, 21), (27, 27), (29, 29), (29.99, 29), (30, None), (40, None)],
)
def test_only_the_newest_notice_is_due(days: float, notice: int | None) -> None:
    expires_at = NOW + rules.HOLD
    assert rules.notice_due(expires_at, NOW + timedelta(days=days)) == notice


def test_transactions_take_a_hundred_buckets_the_first_to_expire_first() -> None:
    batches = rules.in_transactions(list(range(250, 0, -1)))
    assert [len(batch) for batch in batches] == [100, 100, 50]
    assert [expiry for batch in batches for expiry in batch] == list(range(1, 251))
