"""Runs the deploy script with forge, and reads what it says."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ARTIFACT = ROOT / "out/release/TipSplitter.sol/TipSplitter.json"
TIMEOUT_SECONDS = 600  # four transactions, each mined before the next is sent
_SCRIPT = "scripts/DeployTipSplitter.s.sol"


class DeployError(Exception):
    """The splitter was not deployed, or it is not known where; the message says what to do, or is forge's own."""


@dataclass(frozen=True)
class Outcome:
    """What forge says of the script."""

    splitter: str
    constructor_arguments: str
    first_block: int | None
    """Of the script's transactions; None when it needed none."""


def run(rpc_url: str, arguments: Sequence[str], settings: Mapping[str, str]) -> Outcome:
    """`arguments`: without `--broadcast` nothing is sent. `settings`: they go before the environment.

    Raises DeployError."""
    if not ARTIFACT.exists():
        raise DeployError("The contracts are not compiled: run `make install`.")
    with tempfile.TemporaryDirectory(prefix="molt-broadcast-") as folder:
        # `--slow`: one transaction at a time, for Anvil's automine may leave a second one in its pool for ever.
        command = [str(ROOT / "node_modules/.bin/forge"), "script", _SCRIPT, "--json", "--rpc-url", rpc_url, *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, **settings, "FOUNDRY_PROFILE": "default", "FOUNDRY_BROADCAST": folder},
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise DeployError(
                f"Forge did not finish in {TIMEOUT_SECONDS} s. Its transactions may still be mined: run this again "
                "with the same settings, and it goes on from what the chain has."
            ) from None
    said = list(_json_lines(done.stdout))
    receipts = [line for line in said if "tx_hash" in line]
    returned: dict[str, Any] = next((line["returns"] for line in said if "returns" in line), {})
    if done.returncode != 0 or not returned or any(receipt["status"] != "success" for receipt in receipts):
        words = [line for line in (done.stderr + done.stdout).splitlines() if line and not line.startswith("{")][-15:]
        raise DeployError("Deploying the splitter failed:\n" + "\n".join(words))
    return Outcome(
        returned["splitter"]["value"],
        returned["constructorArguments"]["value"],
        min((int(receipt["block_number"]) for receipt in receipts), default=None),
    )


def _json_lines(output: str) -> Iterator[dict[str, Any]]:
    """Forge says one JSON object a line, among lines for people."""
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
