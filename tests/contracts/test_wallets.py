"""docs/wallets.md: every ✓ is a test that the kind inherits, every ✗ has a note, and every test that it names exists."""

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENT = (HERE.parents[1] / "docs" / "wallets.md").read_text()
_CONTRACT = re.compile(r"^(?:abstract )?contract (\w+)(?: is ([\w, \n]+?))? \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_TEST = re.compile(r"function (test_\w+)\(")
_NAMED = re.compile(r"`(Wallet\w+)\.(test_\w+)`")
_NOTE = re.compile(r"^(\d)\. (.*?)(?=^\d\. |^## |\Z)", re.MULTILINE | re.DOTALL)


def test_every_cell_is_held_by_a_test() -> None:
    kinds, rows = matrix()
    notes = dict(_NOTE.findall(DOCUMENT))
    for what, cells, test in rows:
        for kind, cell in zip(kinds, cells, strict=True):
            if cell == "✓":
                assert test in inherited_by(kind), f"{what}: {kind} has no {test}"
            else:
                assert cell[0] == "✗", cell
                assert test not in inherited_by(kind), f"{what}: {kind} can, says {test}"
                holding = [name for contract, name in _NAMED.findall(notes[cell[1:]]) if contract == kind]
                assert holding, f"{what}: note {cell[1:]} names no test of {kind}"


def test_every_named_test_exists() -> None:
    named = _NAMED.findall(DOCUMENT)
    assert named
    assert [f"{kind}.{test}" for kind, test in named if test not in inherited_by(kind)] == []


def test_every_kind_and_every_inherited_test_has_its_place() -> None:
    kinds, rows = matrix()
    concrete = {name for name in contracts() if name.startswith("Wallet") and name.endswith("Test")}
    assert concrete == set(kinds)
    shared = {
        test for parent in ("WalletIsPaid", "WalletPaysByCall", "WalletPaysBySignature") for test in inherited_by(parent)
    }
    assert {test for test in shared if not test.startswith("test_reverts")} == {test for _, _, test in rows}


def matrix() -> tuple[list[str], list[tuple[str, list[str], str]]]:
    """The kinds' contracts, and for every line: what, a cell for each kind, the test of its ✓."""
    lines = [line.strip("| ").split(" | ") for line in DOCUMENT.splitlines() if line.startswith("| ")]
    head, *rows = lines
    kinds = [re.findall(r"`(\w+)`", cell)[0] for cell in head[1:-1]]
    return kinds, [(what, cells, test.strip("`")) for what, *cells, test in rows]


def inherited_by(contract: str) -> set[str]:
    parents, tests = contracts().get(contract, ([], set()))
    return tests.union(*(inherited_by(parent) for parent in parents))


@cache
def contracts() -> dict[str, tuple[list[str], set[str]]]:
    """Name → parents, and the tests in its own body."""
    found = {}
    for path in HERE.glob("*.t.sol"):
        for name, parents, body in _CONTRACT.findall(path.read_text()):
            found[name] = ([each.strip() for each in parents.split(",") if each.strip()], set(_TEST.findall(body)))
    return found
