"""docs/security.md: whoever reads a row can run what holds it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_ROW = re.compile(r"^\| (?!stolen|Circle)(.+) \|$", re.MULTILINE)
_FILE = re.compile(r"`(tests/[\w/.]+)`: ((?:`\w+`(?:, )?)+)")


def test_every_row_names_tests_that_exist() -> None:
    rows = _ROW.findall((ROOT / "docs/security.md").read_text())
    assert len(rows) == 20
    for row in rows:
        named = _FILE.findall(row.rpartition(" | ")[2])
        assert named, row
        for file, tests in named:
            source = (ROOT / file).read_text()
            for test in re.findall(r"`(\w+)`", tests):
                assert re.search(rf"\b(?:def|function) {test}\(", source), f"{file} has no {test}"
