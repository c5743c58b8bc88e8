"""`make prove` passes only if every law was checked and could fail; forge itself runs in `make prove`."""

from scripts.proving import __main__ as proving
from scripts.proving import searches
from scripts.proving.check import Check
from tests.contracts.test_laws import LAWS


def test_every_law_is_searched() -> None:
    assert {law for search in searches.searches() for law in search.laws} >= set(range(1, LAWS + 1)) - {13}


def test_a_law_without_a_check_or_a_dead_mutant_is_missing() -> None:
    checks = [Check(law, how, "", True, 0) for law in range(1, LAWS + 1) for how in ("fuzz", "mutant")]
    assert proving.missing(checks) == []
    assert proving.missing(checks[1:]) == ["law 1: no check held"]
    assert proving.missing(checks[:-1]) == [f"law {LAWS}: no mutant was killed"]
    assert proving.missing([*checks[1:], Check(1, "fuzz", "", False, 0)]) == ["law 1: no check held"]


def test_a_test_that_did_not_run_did_not_hold() -> None:
    assert searches.verdict("{}", "") == (False, "0 tests of this name ran")
    assert searches.verdict("", "error: no such profile") == (False, "error: no such profile")
