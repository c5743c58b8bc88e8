"""`make gas`: what everything costs on a real Anvil with Circle's real bytecode, beside its floor and its peers.

Fails when a target is missed, or a figure is over 1 % above the committed one (contracts/gas.json); otherwise writes
the figures and docs/gas.md anew. The floor is measured in the same run: the bare token calls of the rail.
Prints a table, then one line of JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from deploy.local import chain
from scripts.gas import figures
from scripts.gas.bench import AMOUNT, Bench
from scripts.gas.figures import Figure, Figures
from scripts.gas.rows import ROWS


def main() -> int:
    parser = argparse.ArgumentParser(prog="make gas", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail on any figure that is not the committed one"
    )
    parser.add_argument("--accept", action="store_true", help="write also what has become dearer")
    asked = parser.parse_args()
    started = time.monotonic()
    build()
    measured, before = measure(), figures.committed()
    wrong = figures.failures(before, measured)
    if asked.check and measured != before:
        wrong.append("contracts/gas.json is not what is measured: run `make gas`")
    show(measured, before)
    for line in wrong:
        print(f"✗ {line}", file=sys.stderr)
    if not asked.check and (asked.accept or not wrong):
        figures.write(measured)
    print(as_json(measured, before, wrong, seconds=time.monotonic() - started))
    return 1 if wrong and not asked.accept else 0


def build() -> None:
    forge = chain.ROOT / "node_modules/.bin/forge"
    environment = os.environ | {"FOUNDRY_PROFILE": "release"}
    floor = ["--out", "out/dev", "--cache-path", "cache/dev"]
    for command in (["contracts/src"], ["contracts/dev", *floor]):
        subprocess.run([forge, "build", "--quiet", *command], check=True, cwd=chain.ROOT, env=environment)


def measure() -> Figures:
    with chain.running() as url:
        w3 = chain.connect(url)
        chain.install_usdc(w3)
        bench = Bench(w3, chain.deploy_splitter(w3)["splitter"])
        return {row.key: _figure(bench, row.key) for row in ROWS}


def _figure(bench: Bench, key: str) -> Figure:
    floor: Callable[[], int] | None = getattr(bench, f"floor_{key}", None)
    return Figure(_second(getattr(bench, key)), _second(floor) if floor else None)


def _second(run: Callable[[], int]) -> int:
    """Slots that the first use of a path writes for good (nonces, balances) are not its price."""
    run()
    return run()


def show(measured: Figures, before: Figures) -> None:
    table = Table(title=f"Receipt gasUsed of a tip of {AMOUNT / 1e6} USDC, prague rules", title_justify="left")
    for heading in ("what", "gas", "target", "floor", "gas / floor", "gas / peers, as published", "committed"):
        table.add_column(heading, justify="left" if heading.startswith(("what", "gas / peers")) else "right")
    for row in ROWS:
        gas = measured[row.key].gas
        earlier = before[row.key].gas if row.key in before else None
        moved = "new" if earlier is None else "same" if earlier == gas else f"{gas - earlier:+,}"
        table.add_row(*figures.cells(row, measured[row.key]), moved)
    Console(width=max(190, Console().width)).print(table)


def as_json(measured: Figures, before: Figures, wrong: list[str], *, seconds: float) -> str:
    rows = {}
    for row in ROWS:
        figure = measured[row.key]
        rows[row.key] = {
            "gas": figure.gas,
            "target": row.target,
            "floor": figure.floor,
            "ratio_to_floor": round(figure.gas / figure.floor, 3) if figure.floor else None,
            "ratio_to_peers": {peer.name: round(figure.gas / peer.gas, 3) for peer in row.peers},
            "committed": before[row.key].gas if row.key in before else None,
        }
    return json.dumps({"amount_micro_usdc": AMOUNT, "seconds": round(seconds, 1), "failures": wrong, "rows": rows})


if __name__ == "__main__":
    sys.exit(main())
