"""Runs the forge tests on a mutant's code. The code lies in a folder of its own; `out/release` is never touched."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scripts.mutation.compiler import ROOT, Code, Compiler

MUTANTS = ROOT / "out" / "mutants"
SLOW = "InvariantsTest|GasLimitsTest"
"""Four fifths of the suite's time: they judge only what the others let live."""
ABOUT_THE_RELEASE_BUILD = "test_fitsAnyChain|test_theCodeIsSmall"
"""The size of code that is not optimised says nothing."""
TIMEOUT_SECONDS = 120
SEED = "0x6d6f6c74"
"""The same draws every time: a mutant that was killed once is killed again."""


class TestsDidNotRun(Exception):
    """As they should: not at all, or against contracts that are broken already."""


@dataclass(frozen=True, order=True)
class Test:
    file: str
    """Without `.t.sol`."""
    name: str

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def failing(code: Code, folder: Path, *options: str, switch: int = 0) -> list[Test]:
    """Which tests fail on the code; `folder` is this trial's own; `switch` picks one of a batch's mutants."""
    code.write(folder)
    environment = {
        **os.environ,
        "MOLT_ARTIFACTS": str(folder.relative_to(ROOT)),
        "FOUNDRY_BLOCK_PREVRANDAO": f"{switch:#066x}",
        "FOUNDRY_FUZZ_FAILURE_PERSIST_DIR": str(folder / "failures"),
        "FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR": str(folder / "failures"),
        "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0",
    }
    command = ["forge", "test", "--json", "--fuzz-seed", SEED, "--no-match-test", ABOUT_THE_RELEASE_BUILD, *options]
    try:
        run = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return [Test("", "timeout")]
    try:
        suites = json.loads(run.stdout)
    except json.JSONDecodeError as error:
        raise TestsDidNotRun(run.stdout + run.stderr) from error
    return sorted(
        Test(Path(suite.split(":")[0]).name.removesuffix(".t.sol"), name.split("(")[0])
        for suite, results in suites.items()
        for name, result in results["test_results"].items()
        if result["status"] == "Failure"
    )


def demand_that_the_original_passes(compiler: Compiler) -> None:
    """Or else every mutant would be killed, by what is broken anyway."""
    if failed := failing(compiler.compile({}), MUTANTS / "original"):
        raise TestsDidNotRun(f"without any mutant these fail: {'; '.join(map(str, failed))}")


def quick_killers(code: Code, folder: Path, switch: int = 0) -> list[Test]:
    return failing(code, folder, "--fail-fast", "--no-match-contract", SLOW, switch=switch)


def slow_killers(code: Code, folder: Path) -> list[Test]:
    return failing(code, folder, "--fail-fast", "--match-contract", SLOW)
