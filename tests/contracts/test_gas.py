"""docs/gas.md shows the committed figures, and what is dearer is noticed."""

from dataclasses import replace

import pytest

from scripts.gas import __main__ as gas
from scripts.gas import figures
from scripts.gas.bench import Bench
from scripts.gas.figures import Figure
from scripts.gas.rows import ROWS


@pytest.mark.chain
def test_committed_figures_are_what_is_measured() -> None:
    gas.build()
    assert gas.measure() == figures.committed(), "run `make gas`"


def test_document_shows_the_committed_figures() -> None:
    document = figures.DOCUMENT.read_text()
    assert document == figures.with_table(document, figures.committed()), "run `make gas`"


def test_every_row_is_measured_and_committed() -> None:
    assert set(figures.committed()) == {row.key for row in ROWS}
    assert [row.key for row in ROWS if not hasattr(Bench, row.key)] == []


def test_committed_figures_keep_their_targets() -> None:
    assert figures.failures({}, figures.committed()) == []


@pytest.mark.parametrize(("gas", "fails"), [(82_405, False), (83_229, False), (83_230, True), (80_000, False)])
def test_one_percent_more_is_a_regression(gas: int, fails: bool) -> None:
    before = figures.committed() | {"register": Figure(82_405, None)}
    found = figures.failures(before, before | {"register": Figure(gas, None)})
    assert bool(found) is fails, found


def test_missed_target_fails_whatever_was_committed() -> None:
    before = figures.committed()
    dearer = before | {"approve": replace(before["approve"], gas=94_001)}
    assert len(figures.failures(dearer, dearer)) == 1
