"""What became of each mutant, kept between runs, so that a run goes on where the last one stopped.

A kill stands while the contracts are the same and the test that killed is, with all it imports and its file but for the
other tests; a survival stands only while every test is the same, because any of them might kill next time.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from scripts.mutation.compiler import ROOT
from scripts.mutation.mutant import Mutant

STATE = ROOT / "out" / "mutants" / "verdicts.jsonl"
SOURCES = ROOT / "contracts" / "src"
TESTS = ROOT / "tests" / "contracts"
_TEST = re.compile(r"(?:^    //.*\n)*^    function ((?:test|invariant)\w*)\(.*\n(?:.*\n)*?    }\n", re.MULTILINE)
_IMPORT = re.compile(r'from "(\./[^"]+)"')

Verdict = Literal["killed", "survived", "same code", "not Solidity"]


@dataclass(frozen=True)
class Trial:
    identity: str
    """Of the contracts as mutated."""
    key: str
    verdict: Verdict
    killer: str
    """The test's file and name, where there is one."""
    tests: str
    """Digest of what the verdict rests on."""


class Verdicts:
    def __init__(self) -> None:
        self._others = {path.name: path.read_text() for path in sorted(SOURCES.glob("*.sol"))}
        self._known: dict[str, Trial] = {}
        if STATE.exists():
            for line in STATE.read_text().splitlines():
                trial = Trial(**json.loads(line))
                self._known[trial.identity] = trial

    def of(self, mutant: Mutant) -> Trial | None:
        """What is known already and still holds."""
        trial = self._known.get(self.identity(mutant))
        return trial if trial and trial.tests == tests_behind(trial.verdict, trial.killer) else None

    def record(self, trial: Trial) -> None:
        self._known[trial.identity] = trial
        STATE.parent.mkdir(parents=True, exist_ok=True)
        with STATE.open("a") as file:
            file.write(json.dumps(asdict(trial)) + "\n")

    def identity(self, mutant: Mutant) -> str:
        return _digest(*sorted({**self._others, Path(mutant.path).name: mutant.source}.items()))


def tests_behind(verdict: Verdict, killer: str) -> str:
    match verdict:
        case "killed" if killer:
            file, _, test = killer.partition(": ")
            closure = _imported(TESTS / f"{file}.t.sol", set())
            return _digest(*((path.name, _without_other_tests(path.read_text(), test)) for path in sorted(closure)))
        case "survived":
            return _digest(*((path.name, path.read_text()) for path in sorted(TESTS.glob("*.sol"))))
        case _:
            return ""


def _imported(path: Path, seen: set[Path]) -> set[Path]:
    if path not in seen and path.exists():
        seen.add(path)
        for name in _IMPORT.findall(path.read_text()):
            _imported(path.parent / name, seen)
    return seen


def _without_other_tests(source: str, test: str) -> str:
    return _TEST.sub(lambda found: found[0] if found[1] == test else "", source)


def _digest(*parts: tuple[str, str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
