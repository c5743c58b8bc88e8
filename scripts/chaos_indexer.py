"""The indexer under nodes that fail and lie, and under kills: is the ledger what the chain says, every time?

`--count` random chain histories and `--kills` kills of the leader of two indexers. `--seed` alone plays one history
again. Ends with one line of JSON; exits 1 when anything differs.
"""

import argparse
import json
import sys

from chaos import run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, help="of the first history")
    parser.add_argument("--brief", action="store_true", help="histories of about a third of the length")
    asked = parser.parse_args()
    options = ["--count", str(asked.count)] + (["--brief"] if asked.brief else [])
    options += [] if asked.seed is None else ["--seed", str(asked.seed)]
    runs = {"histories": run("tests.indexer.histories", options)} if asked.count else {}
    if asked.kills:
        runs["takeovers"] = run("tests.indexer.takeovers", ["--kills", str(asked.kills)])
    holds = all(code == 0 for code, _ in runs.values())
    print(json.dumps({"holds": holds, **{name: told for name, (_, told) in runs.items()}}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
