"""Python splits as the contract does: tests/contracts/Split.t.sol reads the same vectors."""

import json
from fractions import Fraction
from math import floor
from pathlib import Path

import pytest

from ledger.money import MAX_TIP, MicroUsdc, split

VECTORS: list[dict[str, str]] = json.loads(
    (Path(__file__).resolve().parent.parent / "vectors" / "split.json").read_text()
)
"""Decimal strings, because JSON's numbers are doubles in JavaScript."""


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["amount"])
def test_python_splits_as_the_vectors_say(vector: dict[str, str]) -> None:
    amount = MicroUsdc(int(vector["amount"]))
    if amount > MAX_TIP:
        with pytest.raises(ValueError, match="is not an amount"):
            split(amount)
    else:
        assert split(amount) == (int(vector["creator"]), int(vector["platform"]), int(vector["agent"]))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["amount"])
def test_vectors_follow_the_rule(vector: dict[str, str]) -> None:
    amount, creator, platform, agent = (int(vector[key]) for key in ("amount", "creator", "platform", "agent"))
    assert agent == floor(amount * Fraction(1, 100))
    assert platform == floor(amount * Fraction(19, 100))
    assert creator == amount - platform - agent


def test_vectors_reach_the_edges() -> None:
    amounts = {int(vector["amount"]) for vector in VECTORS}
    assert len(amounts) == len(VECTORS)
    assert {0, 99, 100, 101, 2**53 + 1, MAX_TIP, MAX_TIP + 1, 2**96 - 1} <= amounts
