"""schemathesis on the committed openapi.json, all checks, as a stranger, an agent, a human and an operator.

A whole platform of its own answers, with all of its limits. The last line is one JSON object: by role, how many cases
were tried and which operations failed a check.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from tests.end_to_end.platform import from_elsewhere

HERE = Path(__file__).parent
ROLES = ("stranger", "agent", "human", "operator")
_CALLERS = 24


def main(
    examples: Annotated[int, typer.Option(help="random cases for each operation")] = 15,
    seed: Annotated[int, typer.Option()] = 20261124,
    role: Annotated[list[str] | None, typer.Option(help="only these")] = None,
    phases: Annotated[str, typer.Option()] = "examples,coverage,fuzzing",
    operation: Annotated[list[str] | None, typer.Option(help="only these operation ids")] = None,
) -> None:
    found, failed = {}, False
    with platform() as at:
        for each in role or ROLES:
            report = run(at, each, examples=examples, seed=seed, phases=phases, operations=operation or ())
            found[each] = report
            failed = failed or report["exit_code"] != 0
    typer.echo(json.dumps({"seed": seed, "examples": examples, "roles": found, "conforms": not failed}))
    if failed:
        raise typer.Exit(1)


def run(
    at: dict[str, str], role: str, *, examples: int, seed: int, phases: str, operations: tuple[str, ...] | list[str]
) -> dict[str, Any]:
    """One role's run. What fails is printed as schemathesis says it, with a curl command."""
    sys.stderr.write(f"\n== as {role}\n")
    command = [
        "schemathesis",
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        "openapi.json",
        "--url",
        at["url"],
    ]
    command += ["--checks", "all", "--phases", phases, "--max-examples", str(examples), "--seed", str(seed)]
    command += ["--workers", "1", "--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "20"]
    command += [part for each in operations for part in ("--include-operation-id", each)]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.conformance.hooks",
        "CONFORMANCE_ROLE": role,
        "CONFORMANCE_URL": at["url"],
        "CONFORMANCE_SEED": str(seed),
        "CONFORMANCE_CALLERS": json.dumps(callers(at, role)),
        "NO_COLOR": "1",
        "COLUMNS": "160",
    }
    began = time.monotonic()
    ran = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    sys.stderr.write(ran.stdout)
    cases = re.search(r"([\d,]+) generated", ran.stdout)
    return {
        "exit_code": ran.returncode,
        "cases": int(cases[1].replace(",", "")) if cases else None,
        "failing": sorted(set(re.findall(r"^_+ ([A-Z]+ /\S+) _+$", ran.stdout, re.MULTILINE))),
        "seconds": round(time.monotonic() - began),
    }


def callers(at: dict[str, str], role: str) -> list[str]:
    """Tokens that take turns."""
    if role == "operator":
        return [at["operator_token"]]
    if role == "stranger":
        return []
    found = []
    with httpx.Client(base_url=at["url"], timeout=30) as http:
        for number in range(_CALLERS):
            name = f"{role}-{number}-{os.getpid()}"
            if role == "agent":
                body: dict[str, Any] = {"name": name}
                answer = http.post("/api/v1/agents/register", json=body, headers=from_elsewhere()).json()
                found.append(answer["api_key"])
            else:
                body = {"email": f"{name}@example.org", "password": "correct horse battery"}
                answer = http.post("/api/v1/auth/register", json=body, headers=from_elsewhere()).json()
                http.cookies.clear()
                found.append(answer["token"])
    return found


@contextmanager
def platform() -> Iterator[dict[str, str]]:
    """A throwaway platform: its URL, its RPC, its operator's token."""
    command = [sys.executable, "-m", "deploy.local", "throwaway"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


if __name__ == "__main__":
    typer.run(main)
