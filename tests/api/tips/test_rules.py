"""What counts for an episode, and how a submitted authorization stands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.production.terms import Terms
from api.tips import rules
from api.tips.rails import Authorization
from ledger.money import MicroUsdc

EPISODE = Terms(creator_id=b"\1" * 32, agent_id=b"\2" * 32, ref=b"\3" * 32)
CREATOR_WALLET, AGENT_WALLET, VIEWER = b"\xc0" * 20, b"\xa0" * 20, b"\xee" * 20
MINIMUM = MicroUsdc(100_000)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_payment(**changes: object) -> rules.Payment:
    return replace(rules.Payment(terms=EPISODE, payer=VIEWER, amount=MicroUsdc(250_000)), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("payment", "reason"),
    [
        (a_payment(), None),
        (a_payment(amount=MINIMUM), None),
        (a_payment(amount=MicroUsdc(MINIMUM - 1)), "below_minimum"),
        (a_payment(payer=CREATOR_WALLET), "payer_is_recipient"),
        (a_payment(payer=AGENT_WALLET), "payer_is_recipient"),
        (a_payment(payer=None), "payer_unknown"),
        (a_payment(terms=replace(EPISODE, creator_id=b"\xff" * 32)), "recipients_differ"),
        (a_payment(terms=replace(EPISODE, agent_id=b"\xff" * 32)), "recipients_differ"),
    ],
)
def test_tip_counts_only_when_somebody_else_paid_the_episodes_own(payment: rules.Payment, reason: str | None) -> None:
    wallets = [CREATOR_WALLET, AGENT_WALLET]
    found = rules.why_not_counted(payment, episode=EPISODE, recipient_wallets=wallets, minimum=MINIMUM)
    assert found == reason


def an_authorization(*, valid_after: datetime, valid_before: datetime) -> Authorization:
    after, before = int(valid_after.timestamp()), int(valid_before.timestamp())
    return Authorization(VIEWER, b"\1" * 20, MicroUsdc(250_000), after, before, b"\0" * 32)


def test_authorization_is_valid_strictly_inside_its_window() -> None:
    hour = timedelta(hours=1)
    assert rules.is_not_yet_valid(an_authorization(valid_after=NOW, valid_before=NOW + hour), NOW)
    assert not rules.is_not_yet_valid(an_authorization(valid_after=NOW - hour, valid_before=NOW + hour), NOW)
    assert rules.is_expired(an_authorization(valid_after=NOW, valid_before=NOW), NOW)
    assert rules.is_expired(an_authorization(valid_after=NOW, valid_before=NOW + rules.LEAST_VALIDITY), NOW)
    assert not rules.is_expired(an_authorization(valid_after=NOW, valid_before=NOW + hour), NOW)


EARLIER, LATER = NOW - timedelta(seconds=5), NOW + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("is_paid", "is_split", "refused_at", "expired", "standing"),
    [
        (True, True, None, False, "settled"),
        (True, True, EARLIER, True, "settled"),
        (True, False, EARLIER, True, "pending"),
        (False, False, None, False, "pending"),
        (False, False, EARLIER, False, "refused"),
        (False, False, None, True, "refused"),
    ],
)
def test_standing(*, is_paid: bool, is_split: bool, refused_at: datetime | None, expired: bool, standing: str) -> None:
    found = rules.standing(is_paid=is_paid, is_split=is_split, refused_at=refused_at, expired=expired, ledger_time=NOW)
    assert found == standing


def test_refusal_is_not_told_before_the_ledger_has_caught_up() -> None:
    """Whoever front-ran us may be in a block that the ledger has not seen yet."""
    assert rules.standing(is_paid=False, is_split=False, refused_at=LATER, expired=False, ledger_time=NOW) == "pending"
