import json
from pathlib import Path

import pytest

from molt.money import format_usdc, parse_usdc, split

VECTORS = Path(__file__).parents[1] / "vectors" / "split.json"


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0.25", 250_000), ("$1", 1_000_000), ("0.000001", 1), ("12345.5", 12_345_500_000), (" 0.10 ", 100_000)],
)
def test_a_decimal_is_read_to_the_unit(text: str, amount: int) -> None:
    assert parse_usdc(text) == amount


@pytest.mark.parametrize("text", ["", "0.0000001", "1e3", "-1", "+1", "1,5", "0x10", ".5", "1.", "NaN", "1 000"])
def test_anything_but_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount of USDC"):
        parse_usdc(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (250_000, "0.25"),
        (47_500, "0.0475"),
        (2_500, "0.0025"),
        (1, "0.000001"),
        (10**13, "10,000,000.00"),
        (-5, "-0.000005"),
    ],
)
def test_an_amount_is_shown_exactly(amount: int, text: str) -> None:
    assert format_usdc(amount) == text


def test_the_split_of_a_quarter() -> None:
    assert split(250_000) == (200_000, 47_500, 2_500)


def test_the_split_agrees_with_the_vectors_that_solidity_is_tested_against() -> None:
    vectors = json.loads(VECTORS.read_text())
    assert vectors
    for vector in vectors:
        expected = (int(vector["creator"]), int(vector["platform"]), int(vector["agent"]))
        assert split(int(vector["amount"])) == expected
