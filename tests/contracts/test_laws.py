"""docs/invariants.md names the tests that cite each law, and no others; run as a script, this writes the names anew.

A test cites laws in the comment right above it: `// 3, 12: why`.
"""

import re
import textwrap
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[1] / "docs" / "invariants.md"
LAWS = 14
_CITATION = re.compile(r"^ *// (\d+(?:, \d+)*)(?::.*)?\n *function ((?:test|testFuzz|invariant)_\w+)\(", re.MULTILINE)
_LAW = re.compile(r"^## (\d+)\. .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_TESTS = re.compile(r"^Tests: .*?(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)


def test_the_document_names_the_tests_of_each_law() -> None:
    document = DOCUMENT.read_text()
    assert document == with_names(document), "run `python tests/contracts/test_laws.py`"


def test_every_law_has_tests() -> None:
    assert set(citations()) == set(range(1, LAWS + 1))


def citations() -> dict[int, dict[str, list[str]]]:
    """Law → test file (without `.t.sol`) → the tests in it that cite the law."""
    found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(HERE.glob("*.t.sol")):
        for laws, test in _CITATION.findall(path.read_text()):
            for law in laws.split(", "):
                found[int(law)][path.name.removesuffix(".t.sol")].append(test)
    return found


def with_names(document: str) -> str:
    cited = citations()

    def named(law: re.Match[str]) -> str:
        files = cited[int(law[1])]
        text = "; ".join(f"{file}: {', '.join(f'`{test}`' for test in tests)}" for file, tests in files.items())
        names = textwrap.fill(f"Tests: {text}.", 130, break_long_words=False, break_on_hyphens=False)
        return _TESTS.sub(lambda _: names + "\n\n", law[0])

    return _LAW.sub(named, document).rstrip() + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(with_names(DOCUMENT.read_text()))
