"""docs/mutation.md: the result of the last full run, the sources it ran on, and why some mutants change nothing."""

import re
import subprocess
from difflib import SequenceMatcher

from scripts.mutation.compiler import ROOT

DOCUMENT = ROOT / "docs" / "mutation.md"
TABLE = re.compile(r"(?<=<!-- written by `make mutate ALL=1` -->\n).*?(?=<!-- end -->)", re.DOTALL)
_EXPLAINED = re.compile(r"^- `([^`]+)`", re.MULTILINE)
_ROW = re.compile(r"^\| `(contracts/src/\w+\.sol)` \| `([0-9a-f]{40})`.*$", re.MULTILINE)


def explained() -> set[str]:
    """Keys of the mutants that the document calls equivalent, each with its reason beside it."""
    return set(_EXPLAINED.findall(DOCUMENT.read_text())) if DOCUMENT.exists() else set()


def changed_lines(path: str, base: str | None) -> set[int]:
    """Line numbers that differ from `base`, or from what the last full run ran on, or else from the last commit."""
    new = (ROOT / path).read_text().splitlines()
    old = (None if base else _recorded(path)) or _git("show", f"{base or 'HEAD'}:{path}")
    if old is None:
        return set(range(1, len(new) + 1))
    blocks = SequenceMatcher(None, old.splitlines(), new, autojunk=False).get_opcodes()
    # Where lines were only removed, the one that follows has changed its meaning.
    return {
        line + 1 for tag, _, _, start, end in blocks if tag != "equal" for line in range(start, max(end, start + 1))
    }


def write_table(rows: dict[str, tuple[int, int, int]]) -> None:
    """Path → mutants that count, of them killed, and left aside as equivalent; other files keep their rows."""
    lines = {row[1]: row[0] for row in _ROW.finditer(DOCUMENT.read_text())}
    for path, (mutants, killed, equivalent) in rows.items():
        blob = (_git("hash-object", path) or "").strip()
        lines[path] = f"| `{path}` | `{blob}` | {mutants} | {killed} | {equivalent} | {percent(killed, mutants)} |"
    head = "| file | the source that was run, as `git hash-object` names it | mutants | killed | equivalent | score |"
    table = "\n".join(["", head, "|---|---|---|---|---|---|", *(lines[path] for path in sorted(lines)), "\n"])
    DOCUMENT.write_text(TABLE.sub(lambda _: table, DOCUMENT.read_text()))


def percent(killed: int, mutants: int) -> str:
    """Rounded down: 100 % means all."""
    return f"{1000 * killed // mutants / 10:.1f} %" if mutants else "none"


def _recorded(path: str) -> str | None:
    rows = dict(_ROW.findall(DOCUMENT.read_text())) if DOCUMENT.exists() else {}
    return _git("cat-file", "blob", rows[path]) if path in rows else None


def _git(*arguments: str) -> str | None:
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stdout if run.returncode == 0 else None
