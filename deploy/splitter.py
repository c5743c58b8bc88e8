"""Deploys the splitter with the forge script, on Base, Base Sepolia or a local chain, and writes down where it stands.

`python -m deploy.splitter --rpc-url URL -- --account NAME`: what follows `--` tells forge who signs. TREASURY, ADMIN,
ADMIN_DELAY_SECONDS, MIN_TIP, REGISTRAR, PAUSER and AUDITOR come from the environment (scripts/DeployTipSplitter.s.sol).
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = "scripts/DeployTipSplitter.s.sol"
ARTIFACT = ROOT / "out/release/TipSplitter.sol/TipSplitter.json"
TIMEOUT_SECONDS = 600  # five transactions, each mined before the next is sent


class DeployError(Exception):
    """Forge did not deploy the splitter; the message ends with forge's own words."""


def deploy(rpc_url: str, *, signing: Sequence[str], settings: Mapping[str, str]) -> dict[str, Any]:
    """Deploys and grants the roles; the deployment as contracts/deployments has it.

    `signing`: forge's arguments that say who signs. `settings`: the script's environment. Raises DeployError.
    """
    if not ARTIFACT.exists():
        raise DeployError("The contracts are not compiled: run `make install`.")
    with tempfile.TemporaryDirectory(prefix="molt-broadcast-") as folder:
        # `--slow`: one transaction at a time, for Anvil's automine may leave a second one in its pool for ever.
        command = [str(ROOT / "node_modules/.bin/forge"), "script", SCRIPT, "--broadcast", "--slow", "--json"]
        try:
            done = subprocess.run(
                [*command, "--rpc-url", rpc_url, *signing],
                cwd=ROOT,
                env={**os.environ, **settings, "FOUNDRY_PROFILE": "default", "FOUNDRY_BROADCAST": folder},
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise DeployError(
                f"Forge did not finish in {TIMEOUT_SECONDS} s. Its transactions may still be mined: "
                "look for the deployer's on the chain before you deploy again."
            ) from None
    receipts = [line for line in _json_lines(done.stdout) if line.get("contract_address")]
    if done.returncode != 0 or len(receipts) != 1 or receipts[0]["status"] != "success":
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        raise DeployError("Deploying the splitter failed:\n" + "\n".join(words))
    return _deployment(_chain_id(done.stdout), receipts[0])


def write(deployment: Mapping[str, Any], file: Path) -> None:
    file.write_text(json.dumps(deployment, indent=2) + "\n")


def _deployment(chain_id: int, receipt: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the network beforehand, and where the splitter is now."""
    network: dict[str, Any] = json.loads((ROOT / f"contracts/deployments/{chain_id}.json").read_text())
    return network | {
        "splitter": receipt["contract_address"],
        "deployedAtBlock": receipt["block_number"],
        "deploymentTx": receipt["tx_hash"],
    }


def _chain_id(output: str) -> int:
    return next(int(line["chain"]) for line in _json_lines(output) if str(line.get("chain", "")).isdigit())


def _json_lines(output: str) -> Iterator[dict[str, Any]]:
    """Forge says one JSON object a line, among lines for people."""
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def main(
    rpc_url: Annotated[str, typer.Option(help="JSON-RPC of the network")],
    forge: Annotated[list[str], typer.Argument(help="forge's signing options: --account, --ledger, --private-key, …")],
    out: Annotated[Path | None, typer.Option(help="default: contracts/deployments/<chainId>.json")] = None,
) -> None:
    """Deploy the splitter and write its deployment file."""
    try:
        deployment = deploy(rpc_url, signing=forge, settings={})
    except DeployError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    file = out or ROOT / f"contracts/deployments/{deployment['chainId']}.json"
    write(deployment, file)
    typer.echo(f"Written: {file}", err=True)
    typer.echo(json.dumps(deployment))


if __name__ == "__main__":
    typer.run(main)
