"""Deploys the splitter with the forge script, on Base, Base Sepolia or a local chain, and writes down where it stands.

`python -m deploy.splitter --rpc-url URL -- --account NAME`: what follows `--` tells forge who signs. TREASURY, ADMIN,
ADMIN_DELAY_SECONDS, MIN_TIP, REGISTRAR, PAUSER and AUDITOR come from the environment (scripts/DeployTipSplitter.s.sol).

The address follows from the bytecode and these settings (EIP-1014). So a run that was interrupted is run again: what is
on the chain is found, the rest is done. docs/deploying.md is the operator's way through it.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3 import HTTPProvider, Web3
from web3.contract import Contract

from deploy import forge, safe
from ledger import deployment as deployments

ROLES = ("REGISTRAR", "PAUSER", "AUDITOR")
_NOBODY = "0x" + "0" * 40
_NOT_YET = "The splitter stands at {}, and this node does not show it yet. Run this again, as it was, in a minute."


def deploy(rpc_url: str, *, signing: Sequence[str], settings: Mapping[str, str]) -> dict[str, Any]:
    """Deploys the splitter unless it stands, grants the roles that its deployer can; as contracts/deployments has it.

    `signing`: forge's arguments that say who signs. `settings`: the script's environment, before the process's own.
    Raises forge.DeployError.
    """
    outcome = forge.run(rpc_url, ["--broadcast", "--slow", *signing], settings)
    w3 = Web3(HTTPProvider(rpc_url, request_kwargs={"timeout": 30}))
    chain_id = w3.eth.chain_id
    network: dict[str, Any] = json.loads((forge.ROOT / f"contracts/deployments/{chain_id}.json").read_text())
    block = _deployed_at(w3, outcome)
    return network | {
        "splitter": outcome.splitter,
        "deployedAtBlock": block,
        "deploymentTx": _deployment_tx(w3, outcome.splitter, block),
        "constructorArguments": outcome.constructor_arguments,
        "roles": _intended(settings),
    }


def foreseen(rpc_url: str, *, signing: Sequence[str], settings: Mapping[str, str]) -> str:
    """Where these settings deploy to; the script sends nothing. Raises forge.DeployError."""
    return forge.run(rpc_url, signing, settings).splitter


def to_grant(w3: Web3, deployment: Mapping[str, Any]) -> list[safe.Call]:
    """What the admin still has to do for the roles to be as they were meant."""
    splitter = _contract(w3, deployment["splitter"])
    return [
        safe.Call(
            deployment["splitter"], "grantRole", [("role", "bytes32", _role(name)), ("account", "address", holder)]
        )
        for name in ROLES
        if (holder := deployment["roles"].get(name.lower()))
        and not splitter.functions.hasRole(_role(name), holder).call()
    ]


def write(deployment: Mapping[str, Any], file: Path) -> None:
    """In one step: a crash leaves the old file or the new one."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(deployment, indent=2) + "\n")
    draft.replace(file)


def _deployed_at(w3: Web3, outcome: forge.Outcome) -> int:
    """The first block that has the splitter's code: this run's, or an earlier one that a search finds."""
    address = to_checksum_address(outcome.splitter)

    def stands_at(block: int) -> bool:
        try:
            return bool(w3.eth.get_code(address, block))
        except Exception as error:  # each node has its own way to say that it has no history
            raise forge.DeployError(
                f"The splitter stands at {address}, and this node cannot say since when ({error}). "
                "Run this again with a node that keeps history (an archive node)."
            ) from error

    if outcome.first_block is not None and not stands_at(outcome.first_block - 1):
        return outcome.first_block
    without, with_it = -1, int(w3.eth.block_number)
    if not stands_at(with_it):
        raise forge.DeployError(_NOT_YET.format(address))
    while with_it - without > 1:
        middle = (without + with_it) // 2
        without, with_it = (without, middle) if stands_at(middle) else (middle, with_it)
    return with_it


def _deployment_tx(w3: Web3, splitter: str, block: int) -> str:
    logs = w3.eth.get_logs({"address": to_checksum_address(splitter), "fromBlock": block, "toBlock": block})
    if not logs:
        raise forge.DeployError(_NOT_YET.format(splitter))
    return Web3.to_hex(logs[0]["transactionHash"])


def _intended(settings: Mapping[str, str]) -> dict[str, str]:
    """Who was meant to have which power, by the setting's name in small letters; nobody is left out."""
    given = {**os.environ, **settings}
    named = {name.lower(): given.get(name, _NOBODY) for name in ("ADMIN", "TREASURY", *ROLES)}
    return {name: to_checksum_address(who) for name, who in named.items() if who != _NOBODY}


def _contract(w3: Web3, address: str) -> Contract:
    return w3.eth.contract(to_checksum_address(address), abi=deployments.abi("TipSplitter"))


def _role(name: str) -> str:
    return "0x" + keccak(text=f"{name}_ROLE").hex()


def main(
    rpc_url: Annotated[str, typer.Option(help="JSON-RPC of the network")],
    signing: Annotated[list[str], typer.Argument(help="forge's signing options: --account, --ledger, --trezor, …")],
    *,
    out: Annotated[Path | None, typer.Option(help="default: contracts/deployments/<chainId>.json")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say where it would stand, and send nothing")] = False,
    another: Annotated[bool, typer.Option("--another", help="although the file names a splitter elsewhere")] = False,
) -> None:
    """Deploy the splitter, write its deployment file, and say what is left for the admin to do."""
    try:
        chain_id = Web3(HTTPProvider(rpc_url)).eth.chain_id
        file = out or forge.ROOT / f"contracts/deployments/{chain_id}.json"
        address = foreseen(rpc_url, signing=signing, settings={})
        typer.echo(f"With these settings it stands at {address} on chain {chain_id}.", err=True)
        if not another:
            _demand_the_same(file, address)
        if dry_run:
            return
        deployment = deploy(rpc_url, signing=signing, settings={})
    except forge.DeployError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except OSError:  # its words would repeat the URL, and with it a provider's key
        typer.echo("No node answers where --rpc-url points. What was sent stays: run this again.", err=True)
        raise typer.Exit(1) from None
    write(deployment, file)
    typer.echo(f"Written: {file}", err=True)
    _leave_to_the_admin(rpc_url, deployment, file.with_suffix(".safe.json"))
    typer.echo(json.dumps(deployment))


def _demand_the_same(file: Path, address: str) -> None:
    """A splitter that is in use must not be replaced by a slip in a setting. Raises forge.DeployError."""
    named = json.loads(file.read_text()).get("splitter") if file.exists() else None
    if named and named.lower() != address.lower():
        raise forge.DeployError(
            f"{file} names another splitter, {named}: some setting, or the code, is not what it was deployed with. "
            "If a second one is what you want, say --another."
        )


def _leave_to_the_admin(rpc_url: str, deployment: Mapping[str, Any], file: Path) -> None:
    calls = to_grant(Web3(HTTPProvider(rpc_url)), deployment)
    if not calls:
        file.unlink(missing_ok=True)
        typer.echo("Every role is granted.", err=True)
        return
    batch = safe.batch(
        deployment["chainId"],
        deployment["roles"]["admin"],
        "Molt Studios: grant the splitter's roles",
        calls,
        created_at_ms=time.time_ns() // 1_000_000,
    )
    file.write_text(json.dumps(batch, indent=2) + "\n")
    typer.echo(f"The admin {deployment['roles']['admin']} has to grant what is left:", err=True)
    for call in calls:
        typer.echo(f"  {call}", err=True)
    typer.echo(
        f"A Safe does so with {file}: Transaction Builder, drag and drop, check each line, sign. Then run this again.",
        err=True,
    )


if __name__ == "__main__":
    typer.run(main)
