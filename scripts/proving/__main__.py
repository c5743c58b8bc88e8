"""Every law of docs/invariants.md against every machine that looks for a hole in it: `make prove`.

Passes if each law has a check that held and a mutant that died, and nothing failed.
"""

import argparse
import json
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain

from rich.console import Console
from rich.table import Table

from scripts.proving import mutants, searches, symbolic
from scripts.proving.check import Check
from tests.contracts.test_laws import LAWS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.proving")
    parser.add_argument("--nightly", action="store_true", help="ten times as deep")
    parser.add_argument("--seed", default="0x" + secrets.token_hex(8), help="draws the same again")
    arguments = parser.parse_args()
    profile: searches.Profile = "nightly" if arguments.nightly else "prove"
    console = Console()
    started = time.monotonic()
    checks: list[Check] = []
    with console.status(f"searching; profile {profile}, seed {arguments.seed}"):
        for done in _everything(profile, arguments.seed):
            checks += done
            minutes, seconds = divmod(int(time.monotonic() - started), 60)
            console.print(f"{minutes:3}:{seconds:02}  {_said(done)}", markup=False, highlight=False, soft_wrap=True)
    console.print(_table(checks))
    complaints = missing(checks)
    for complaint in complaints:
        console.print(complaint, style="red")
    held = not complaints and all(check.held for check in checks)
    summary = {
        "held": held,
        "profile": profile,
        "seed": arguments.seed,
        "seconds": round(time.monotonic() - started),
        "missing": complaints,
        "checks": [asdict(check) for check in checks],
    }
    print(json.dumps(summary))
    return 0 if held else 1


def _everything(profile: searches.Profile, seed: str) -> Iterator[list[Check]]:
    for check in chain(mutants.run(), symbolic.run()):
        yield [check]
    yield from searches.run(profile, seed)


def _said(done: list[Check]) -> str:
    laws = ", ".join(str(check.law) for check in done)
    return f"{_result(done[0])}  law {laws}: {done[0].how}: {done[0].name} ({done[0].seconds:.0f} s)"


def _result(check: Check) -> str:
    if check.how == "mutant":
        return "killed" if check.held else "SURVIVED"
    return "held" if check.held else "FAILED"


def _table(checks: Iterable[Check]) -> Table:
    table = Table("law", "how it is checked", "what", "result", "time")
    for check in sorted(checks, key=lambda check: (check.law, check.how, check.name)):
        result = _result(check)
        style = "" if check.held else "red"
        table.add_row(
            str(check.law), check.how, f"{check.name}\n{check.note}", result, f"{check.seconds:.0f} s", style=style
        )
    return table


def missing(checks: Iterable[Check]) -> list[str]:
    """A law that nothing checks, or whose checks were never seen to fail."""
    held = [check for check in checks if check.held]
    checked = {check.law for check in held if check.how != "mutant"}
    falsifiable = {check.law for check in held if check.how == "mutant"}
    laws = range(1, LAWS + 1)
    return [f"law {law}: no check held" for law in laws if law not in checked] + [
        f"law {law}: no mutant was killed" for law in laws if law not in falsifiable
    ]


if __name__ == "__main__":
    raise SystemExit(main())
