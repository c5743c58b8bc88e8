"""`audit …`: prove that nobody has changed the log of who did what."""

from pathlib import Path
from typing import Annotated

import typer

from molt import auditing
from molt.chain import Rpc
from molt.cli import session
from molt.cli.wallets import AgentName
from molt.problems import BadSetting, Mismatch

group = typer.Typer(help="The audit log: export it, check it, prove one event of it.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="audit")


@group.command()
def export(context: typer.Context, file: Annotated[Path, typer.Argument(help="Is written anew.")]) -> None:
    """The operator's: write the whole sealed log to a file (OPERATOR_TOKEN, or $MOLT_HOME/operator-token)."""
    here = session.of(context)
    rows = 0
    with file.open("w", encoding="utf-8") as out:
        for line in auditing.export(here.operator):
            out.write(line)
            rows += 1
    here.output.data({"file": str(file), "rows": rows}, lambda: here.output.line(f"{file}: {rows:,} rows"))
    here.output.note(f"Check it with `molt audit verify {file} --rpc-url …`, anywhere.")


@group.command()
def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `molt audit export` wrote.")],
    *,
    rpc_url: Annotated[
        str | None,
        typer.Option(help="A node of the chain: compare with the roots anchored there.", envvar="MOLT_RPC_URL"),
    ] = None,
    splitter: Annotated[
        str | None, typer.Option(help="The contract that you trust; default: the one that the export names.")
    ] = None,
    old: Annotated[bool, typer.Option("--old", help="The chain may know more than the export.")] = False,
) -> None:
    """Hash an export again, offline: no row altered, dropped or moved. With a node: nor rewritten as a whole."""
    here = session.of(context)
    try:
        with file.open(encoding="utf-8") as lines:
            found = auditing.check(lines)
    except OSError as error:
        raise BadSetting(f"{file} cannot be read: {error}", hint="`molt audit export FILE` writes one") from error
    result = {
        "file": str(file),
        "positions": found.positions,
        "head": "0x" + found.head.hex(),
        "batches": len(found.roots),
        "anchored": None,
    }
    if rpc_url is not None:
        contract, rpc = splitter or found.splitter, Rpc(rpc_url)
        if (served := rpc.chain_id()) != found.chain_id:
            raise BadSetting(f"{rpc_url} serves chain {served}, and the export is of {found.chain_id}")
        told = auditing.anchors(rpc, contract, from_block=found.deployed_at_block)
        result |= {"anchored": auditing.check_anchors(found, told, may_be_old=old), "splitter": contract}
    here.output.data(
        result,
        lambda: here.output.facts(
            [
                ("events", f"{found.positions:,}, none altered, dropped or moved"),
                ("batches", f"{len(found.roots):,}"),
                ("anchored", None if result["anchored"] is None else f"{result['anchored']} of them, on {contract}"),
                ("head", result["head"]),
            ]
        ),
    )
    if rpc_url is None:
        here.output.note("Whether the log was rewritten as a whole, only the chain tells: --rpc-url.")


@group.command()
def proof(
    context: typer.Context,
    event_id: Annotated[int, typer.Argument(help="An id of the audit log: one of yours.")],
    agent: AgentName = None,
) -> None:
    """Check that an event of yours is in the log, up to the root on the chain (MOLT_RPC_URL: your own node)."""
    here = session.of(context)
    found = here.whoever(agent).audit_proof(event_id)
    root = auditing.check_proof(found)
    anchor = found["batch"]["anchor"]
    if anchor and not auditing.is_anchored(here.rpc, here.chain.splitter, found["batch"], root):
        raise Mismatch("the chain was not told the root that this proof leads to")
    where = f"in {anchor['tx_hash']}, {anchor['finality']}" if anchor else "not yet: ask again in some minutes"
    here.output.data(
        found,
        lambda: here.output.facts(
            [
                ("event", f"{found['event']['action']} of {found['event']['occurred_at']}"),
                ("position", found["position"]),
                ("root", "0x" + root.root.hex()),
                ("anchored", where),
            ]
        ),
    )
