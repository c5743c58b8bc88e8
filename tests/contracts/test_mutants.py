"""The mutants that `make prove` names still mutate what they say; whether the tests kill them is asked there."""

from scripts.proving.mutants import MUTANTS
from tests.contracts.test_laws import LAWS


def test_every_law_has_a_mutant() -> None:
    assert {mutant.law for mutant in MUTANTS} == set(range(1, LAWS + 1))


def test_each_stands_where_it_did() -> None:
    for mutant in MUTANTS:
        mutant.source()
