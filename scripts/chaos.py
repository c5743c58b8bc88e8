"""Random reorganisations and kills, then: is the ledger what the chain says, was everything sent exactly once?

Takes 6 minutes on a quiet machine; `--reorgs N --kills N` is shorter. Ends with one line of JSON; exits 1 when
anything differs.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reorgs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    arguments = parser.parse_args()
    kills = ["--kills", str(arguments.kills)]
    runs = {
        "indexer": run("tests.indexer.chaos", ["--reorgs", str(arguments.reorgs), *kills]),
        "relayer": run("tests.relayer.chaos", kills),
    }
    holds = all(code == 0 for code, _ in runs.values())
    print(json.dumps({"holds": holds, **{name: told for name, (_, told) in runs.items()}}))
    return 0 if holds else 1


def run(module: str, options: list[str]) -> tuple[int, object]:
    """Exit code and the JSON of the last line; everything else goes straight to the terminal."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    last = ""
    for line in process.stdout or ():
        if last:
            print(last, flush=True)
        last = line.rstrip("\n")
    code = process.wait()
    try:
        return code, json.loads(last)
    except ValueError:
        print(last)
        return code, None


if __name__ == "__main__":
    sys.exit(main())
