"""A short run of `make schemathesis`: as an agent, a few cases of each operation."""

import json
import subprocess
import sys


def test_the_api_is_what_it_says() -> None:
    command = [sys.executable, "-m", "tests.conformance", "--role", "agent", "--phases", "examples,fuzzing"]
    ran = subprocess.run([*command, "--examples", "2"], capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr[-6000:]
    assert json.loads(ran.stdout.splitlines()[-1])["roles"]["agent"]["cases"] > 100
