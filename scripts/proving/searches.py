"""What forge searches for a counterexample: each invariant and fuzz test that cites a law, in a process of its own.

A search that fails leaves the shrunk sequence in the note.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Literal

from scripts.mutation.compiler import ROOT
from scripts.proving.check import Check
from tests.contracts import test_laws

Profile = Literal["prove", "nightly"]
CORES = 2
PREFIXES: dict[str, Literal["invariant", "fuzz"]] = {"invariant_": "invariant", "testFuzz_": "fuzz"}


@dataclass(frozen=True)
class Search:
    file: str
    """Without `.t.sol`."""
    test: str
    how: Literal["invariant", "fuzz"]
    laws: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.file}: {self.test}"


def searches() -> list[Search]:
    """The long ones first, so that no core waits for a last one."""
    laws: dict[tuple[str, str], list[int]] = {}
    for law, files in sorted(test_laws.citations().items()):
        for file, tests in files.items():
            for test in tests:
                laws.setdefault((file, test), []).append(law)
    found = [
        Search(file, test, how, tuple(cited))
        for (file, test), cited in laws.items()
        for prefix, how in PREFIXES.items()
        if test.startswith(prefix)
    ]
    return sorted(found, key=lambda search: (search.how != "invariant", str(search)))


def run(profile: Profile, seed: str) -> Iterator[list[Check]]:
    """A search's checks, one for each law that it cites, as soon as it is over."""
    subprocess.run(["forge", "build", "--quiet", "tests/contracts"], cwd=ROOT, env=_environment(profile), check=True)
    with ThreadPoolExecutor(CORES) as pool:
        running = [pool.submit(_run, search, profile, seed) for search in searches()]
        for done in as_completed(running):
            yield done.result()


def _run(search: Search, profile: Profile, seed: str) -> list[Check]:
    started = time.monotonic()
    command = ["forge", "test", "--json", "--threads", "1", "--fuzz-seed", seed]
    command += ["--match-path", f"tests/contracts/{search.file}.t.sol", "--match-test", rf"^{search.test}\("]
    forge = subprocess.run(command, cwd=ROOT, env=_environment(profile), capture_output=True, text=True, check=False)
    held, note = verdict(forge.stdout, forge.stderr)
    seconds = time.monotonic() - started
    return [Check(law, search.how, str(search), held, seconds, note) for law in search.laws]


def verdict(answer: str, complaint: str) -> tuple[bool, str]:
    """A test that did not run proves nothing."""
    try:
        suites = json.loads(answer)
    except json.JSONDecodeError:
        return False, (complaint or answer).strip()[-500:]
    results = [result for suite in suites.values() for result in suite["test_results"].values()]
    if len(results) != 1:
        return False, f"{len(results)} tests of this name ran"
    return results[0]["status"] == "Success", _depth(results[0])


def _depth(result: dict[str, Any]) -> str:
    kind = result["kind"]
    if "Invariant" in kind:
        searched = f"{kind['Invariant']['runs']:,} runs, {kind['Invariant']['calls']:,} actions"
    else:
        searched = f"{kind['Fuzz']['runs']:,} inputs"
    if result["status"] == "Success":
        return searched
    return f"{searched}; {result['reason']}; {json.dumps(result.get('counterexample'))}"


def _environment(profile: Profile) -> dict[str, str]:
    return {**os.environ, "FOUNDRY_PROFILE": profile}
