"""`make slither`: what slither finds in contracts/src and contracts/slither.toml does not answer.

Exits non-zero on a finding without a reason, and on a reason without a finding. Compiled offline by forge with the
release settings into a folder of its own, because slither reads the syntax trees that only `--build-info` leaves.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SLITHER = ROOT / ".venv-proofs" / "bin" / "slither"
TRIAGE = ROOT / "contracts" / "slither.toml"
OUT = "out/slither"


@dataclass(frozen=True, order=True)
class Finding:
    detector: str
    where: str


def main() -> int:
    silenced = _silenced()
    found = _found()
    new, stale = sorted(set(found) - silenced), sorted(silenced - set(found))
    for finding in new:
        print(f"{finding.detector} in {finding.where}:\n{found[finding]}", file=sys.stderr)
    for finding in stale:
        print(
            f"no longer found, so take it out of {TRIAGE.name}: {finding.detector} in {finding.where}", file=sys.stderr
        )
    print(json.dumps({"found": len(found), "silenced": len(silenced), "new": len(new), "stale": len(stale)}))
    return 1 if new or stale else 0


def _silenced() -> set[Finding]:
    entries = tomllib.loads(TRIAGE.read_text())["silenced"]
    for entry in entries:
        if not entry["reason"].strip():
            raise ValueError(f"{entry['detector']} is silenced without a reason")
    return {Finding(entry["detector"], where) for entry in entries for where in entry["where"]}


def _found() -> dict[Finding, str]:
    """Each once, though slither may tell several ways into it → what it says."""
    environment = os.environ | {"FOUNDRY_PROFILE": "release", "FOUNDRY_OUT": OUT, "FOUNDRY_CACHE_PATH": "cache/slither"}
    shutil.rmtree(ROOT / OUT, ignore_errors=True)  # slither would read what an earlier build left there too
    shutil.rmtree(ROOT / "cache/slither", ignore_errors=True)
    subprocess.run(
        ["forge", "build", "--quiet", "--build-info", "--skip", "test"], cwd=ROOT, env=environment, check=True
    )
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "answer.json"
        settings = ["--ignore-compile", "--foundry-out-directory", OUT, "--filter-paths", "node_modules"]
        ran = subprocess.run(
            [str(SLITHER), ".", *settings, "--json", str(answer)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,  # it fails on any finding
        )
        if not answer.exists():
            raise RuntimeError(f"slither ended without an answer:\n{ran.stderr[-2000:]}")
        said = json.loads(answer.read_text())
    if not said["success"]:
        raise RuntimeError(f"slither failed: {said['error']}")
    return {_finding(result): result["description"] for result in said["results"].get("detectors", [])}


def _finding(result: dict[str, Any]) -> Finding:
    element = result["elements"][0]
    return Finding(result["check"], f"{element['type_specific_fields']['parent']['name']}.{element['name']}")


if __name__ == "__main__":
    raise SystemExit(main())
