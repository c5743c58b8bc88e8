"""The law of the split, and amounts for eyes."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import ids
from ledger.money import MAX_TIP, MicroUsdc, format_usdc, split

_VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "split.json"


@given(st.integers(0, MAX_TIP))
def test_shares_add_up_and_follow_the_rule(amount: int) -> None:
    creator, platform, agent = split(MicroUsdc(amount))
    assert creator + platform + agent == amount
    assert agent * 100 <= amount < (agent + 1) * 100
    assert platform * 100 <= 19 * amount < (platform + 1) * 100


def test_quarter_dollar() -> None:
    assert split(MicroUsdc(250_000)) == (200_000, 47_500, 2_500)


@pytest.mark.parametrize("amount", [-1, MAX_TIP + 1])
def test_what_cannot_be_an_amount_is_refused(amount: int) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        split(MicroUsdc(amount))


@pytest.mark.skipif(not _VECTORS.exists(), reason="the vectors come with the contract")
def test_split_agrees_with_the_contract() -> None:
    for vector in json.loads(_VECTORS.read_text()):
        amount, *shares = (int(vector[key]) for key in ("amount", "creator", "platform", "agent"))
        if amount <= MAX_TIP:
            assert list(split(MicroUsdc(amount))) == shares


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (250_000, "0.25"),
        (1_000_000, "1.00"),
        (-2_500_000, "-2.50"),
        (10**16, "10000000000.00"),
    ],
)
def test_format(amount: int, text: str) -> None:
    assert format_usdc(MicroUsdc(amount)) == text


@given(st.uuids())
def test_account_ids_come_back(uuid: UUID) -> None:
    assert ids.uuid_of(ids.account_id(uuid)) == uuid
    assert int.from_bytes(ids.account_id(uuid)) == uuid.int


def test_what_is_no_uuid_is_refused() -> None:
    with pytest.raises(ids.NotOneOfOurIds):
        ids.uuid_of(ids.PLATFORM_ID)
    with pytest.raises(ids.NotOneOfOurIds):
        ids.uuid_of(uuid4().bytes)
