"""Sixty histories, shorter than those that `make chaos-indexer` plays by the thousand."""

import json
import subprocess
import sys

_COUNT = 60


def test_after_sixty_histories_under_faulty_nodes_the_ledger_equals_a_rebuild() -> None:
    command = [sys.executable, "-m", "tests.indexer.histories", "--seed", "1", "--count", str(_COUNT), "--brief"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["holds"], done.stderr
    assert result["histories"] == _COUNT
    assert result["rewinds"] >= _COUNT / 4
    assert len(result["faults"]) >= 15
