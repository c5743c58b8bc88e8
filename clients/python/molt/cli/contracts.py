"""`verify-contract`: is what stands there what this repository builds?"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from molt import building, verification
from molt.chain import Rpc, checksummed
from molt.cli import session
from molt.cli.session import Session
from molt.problems import BadSetting, ExitCode
from molt.verification import Comparison, Verdict

_MARKS: dict[Verdict, str] = {"ok": "[green]✓[/]", "differs": "[red]✗[/]", "told": "[dim]·[/]"}
_SHORTEST = 28


def add_to(app: typer.Typer) -> None:
    app.command("verify-contract")(verify_contract)


def verify_contract(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Of the splitter.")],
    *,
    rpc_url: Annotated[str | None, typer.Option(help="A node of its chain.", envvar="MOLT_RPC_URL")] = None,
    deployment: Annotated[
        Path | None,
        typer.Option(
            help="Which USDC is right, and who was meant to hold what; default: contracts/deployments/<chain id>.json."
        ),
    ] = None,
    admin: Annotated[str | None, typer.Option(help="Who should be the admin.")] = None,
    treasury: Annotated[str | None, typer.Option(help="Who should receive the platform's share.")] = None,
    registrar: Annotated[str | None, typer.Option(help="Who alone should register wallets.")] = None,
    pauser: Annotated[str | None, typer.Option(help="Who alone should pause.")] = None,
    auditor: Annotated[str | None, typer.Option(help="Who alone should anchor the audit log.")] = None,
) -> None:
    """Compare a deployed splitter with what this checkout builds: code, immutables, USDC, roles. About a minute."""
    here = session.of(context)
    if rpc_url is None:
        raise BadSetting("no node is named", hint="name one with --rpc-url, or set MOLT_RPC_URL")
    root, splitter, rpc = building.checkout(), _address(address), Rpc(rpc_url)
    file = deployment or root / f"contracts/deployments/{rpc.chain_id()}.json"
    read = _read(file)
    network = verification.network_of(read, splitter)
    named = {"admin": admin, "treasury": treasury, "registrar": registrar, "pauser": pauser, "auditor": auditor}
    expected = verification.expected_of(read, splitter) | {
        power: _address(holder) for power, holder in named.items() if holder
    }
    here.output.note("Compiling the contracts of this checkout (half a minute) …")
    build = building.build(root)
    found = []
    for comparison in verification.comparisons(rpc, splitter, build, network, expected):
        found.append(comparison)
        _show(here, comparison)
    differing = [each.what for each in found if each.verdict == "differs"]
    verdict = f"No, these differ: {', '.join(differing)}." if differing else "Yes: this is what the checkout builds."
    here.output.data(
        {"address": splitter, "same": not differing, "comparisons": [each.as_json() for each in found]},
        lambda: here.output.line(f"[bold]{escape(verdict)}[/]"),
    )
    here.output.note(
        "· is told, not judged: neither the deployment file nor --admin, --treasury, --registrar, --pauser, --auditor "
        "says what it should be."
    )
    if differing:
        raise typer.Exit(int(ExitCode.MISMATCH))


def _show(here: Session, comparison: Comparison) -> None:
    if here.output.as_json:
        return
    here.output.line(f"{_MARKS[comparison.verdict]} {comparison.what:<{_SHORTEST}} {escape(comparison.found)}")
    if comparison.verdict == "differs":
        here.output.line(f"  [cyan]{'expected':<{_SHORTEST}}[/] {escape(comparison.expected)}")


def _address(text: str) -> str:
    try:
        return checksummed(text)
    except ValueError as error:
        raise BadSetting(f"{text} is no address", hint="0x and 40 hex digits") from error


def _read(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise BadSetting(f"{file} cannot be read: {error}", hint="name a deployment file with --deployment") from error
    if not isinstance(found, dict):
        raise BadSetting(f"{file} is no deployment file")
    return found
