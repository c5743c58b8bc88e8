"""What holds for every input, or the input for which it does not: halmos on the release bytecode (tests/symbolic).

A law is cited above each check as above every other test. `python -m scripts.proving.symbolic [NAME…]` runs this alone
(or those checks whose names begin so). The tools come from requirements-proofs.lock (`make .install/proofs`).
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.proving.check import Check

ROOT = Path(__file__).resolve().parents[2]
BINARIES = ROOT / ".venv-proofs" / "bin"
QUESTION_SECONDS = 60
"""For one question to the solvers."""
CONTRACT_SECONDS = 900
"""For all checks of one file; `make` targets end within 25 minutes."""
LOOPS = 16
"""The longest loop of a check is over its fifteen doors; a loop that is cut short counts as not proven."""

UNDECIDED = {
    "law 4 through the five rails, whose three legs may each be held": "the invariants and fuzz tests of `make prove`",
    "law 4 for several buckets in one claim or sweep": "the invariants and fuzz tests of `make prove`",
}
"""What was tried and did not end in minutes → what stands in for it."""

_CITATION = re.compile(r"^ *// (\d+(?:, \d+)*)(?::.*)?\n *function (check_\w+)\(", re.MULTILINE)
_VERDICTS = {0: "proven", 1: "counterexample", 2: "the solvers did not decide", 3: "halmos did not follow every path"}


@dataclass(frozen=True)
class File:
    """A file of tests/symbolic, which holds one contract `…Proof`."""

    path: Path

    @property
    def contract(self) -> str:
        return self.path.name.removesuffix(".t.sol") + "Proof"

    def laws(self) -> dict[str, list[int]]:
        """Check → the laws that it cites."""
        cited = _CITATION.findall(self.path.read_text())
        return {check: [int(law) for law in laws.split(", ")] for laws, check in cited}


def run(root: Path = ROOT, only: tuple[str, ...] = ()) -> Iterator[Check]:
    if not (BINARIES / "halmos").exists():
        raise SystemExit("halmos is not installed: `make .install/proofs`")
    for path in sorted((root / "tests" / "symbolic").glob("*.t.sol")):
        file = File(path)
        laws = {name: cited for name, cited in file.laws().items() if not only or name.startswith(only)}
        if not laws:
            continue
        results = _halmos(root, file.contract, list(laws))
        for name, cited in laws.items():
            for law in cited:
                yield _check(law, f"{file.contract}.{name}", results.get(name))


def _check(law: int, name: str, result: dict[str, Any] | None) -> Check:
    if result is None:
        return Check(law, "symbolic", name, held=False, seconds=0, note="halmos said nothing of it in time")
    cut = result["num_bounded_loops"]
    held = result["exitcode"] == 0 and not cut
    verdict = "a loop was cut short" if cut else _VERDICTS.get(result["exitcode"], f"exit code {result['exitcode']}")
    return Check(law, "symbolic", name, held, round(result["time"][0], 1), f"{verdict}, {result['num_paths'][0]} paths")


def _halmos(root: Path, contract: str, names: list[str]) -> dict[str, dict[str, Any]]:
    """Check → what halmos says of it."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "answer.json"
        command = [
            *(str(BINARIES / "halmos"), "--root", str(root), "--forge-build-out", "out/symbolic"),
            *("--contract", contract, "--match-test", f"^({'|'.join(names)})\\("),
            *("--panic-error-codes", "*"),  # a sum that overflows in the check itself would hide what it asserts
            *("--loop", str(LOOPS), "--solver-threads", str(os.cpu_count() or 1)),
            *("--solver-timeout-assertion", f"{QUESTION_SECONDS}s"),
            *("--solver-command", f"{BINARIES / 'python'} {ROOT / 'scripts/proving/solver.py'}"),
            *("--no-status", "--json-output", str(answer)),
        ]
        said = _run(command, root, home=scratch)
        if said is None:
            return {}
        if not answer.exists():
            raise RuntimeError(f"halmos ended without an answer:\n{said[-2000:]}")
        tests = json.loads(answer.read_text())["test_results"]
    return {result["name"].split("(")[0]: result for results in tests.values() for result in results}


def _run(command: list[str], root: Path, home: str) -> str | None:
    """None when it took too long; then every solver that it started is ended too."""
    # A home of its own, because halmos makes a folder there.
    environment = os.environ | {"FOUNDRY_PROFILE": "symbolic", "HOME": home, "TMPDIR": home}
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        return process.communicate(timeout=CONTRACT_SECONDS)[0]
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that halmos and its solvers end too
    console = Console()
    table = Table("law", "check", "seconds", "verdict")
    checks = []
    for check in run(only=tuple(sys.argv[1:])):
        checks.append(check)
        print(f"law {check.law}: {check.name}: {check.note}", flush=True)
        table.add_row(str(check.law), check.name, f"{check.seconds:.1f}", check.note)
    console.print(table)
    for what, stand_in in UNDECIDED.items():
        print(f"not decided: {what}; instead: {stand_in}")
    held = all(check.held for check in checks)
    print(json.dumps({"held": held, "undecided": UNDECIDED, "checks": [asdict(check) for check in checks]}))
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
