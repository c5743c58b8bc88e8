"""Where one is paid: `wallet new | prove | show`, and `faucet` for test money."""

from pathlib import Path
from typing import Annotated

import typer

from molt import faucet as tap
from molt import proving, wallet
from molt.cli import amounts, keys, session
from molt.cli.keys import DevAccount, KeyFile, Keystore
from molt.cli.output import usdc, when
from molt.cli.session import Session
from molt.shapes import Wallet, WalletSummary

group = typer.Typer(help="Wallets: make one, prove it, see what it earned.", no_args_is_help=True)

AgentName = Annotated[str | None, typer.Option(help="Act as this agent; default: the human, else the current agent.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="wallet")
    app.command()(faucet)


@group.command()
def new(
    context: typer.Context, path: Annotated[Path, typer.Argument(help="The keystore to write. Must not exist yet.")]
) -> None:
    """Make a wallet: an encrypted keystore that only you can read."""
    here = session.of(context)
    password = typer.prompt("Password for the keystore", hide_input=True, confirmation_prompt=True)
    made = wallet.create_keystore(path, password)
    here.output.data(
        {"address": made.address, "keystore": str(path)},
        lambda: here.output.line(f"{made.address}, in {path}. Keep the file and the password: nobody else has them."),
    )


@group.command()
def prove(
    context: typer.Context,
    *,
    account: Annotated[
        str | None, typer.Option(help="Which payout account (see `molt wallet show`), if you have several.")
    ] = None,
    agent: AgentName = None,
    keystore: Keystore = None,
    key_file: KeyFile = None,
    dev_account: DevAccount = None,
    old_key_file: Annotated[
        Path | None,
        typer.Option(help="Changing a wallet: the old one's key, to change at once instead of in 48 hours."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be signed, and sign nothing.")] = False,
) -> None:
    """Prove that a wallet is yours, and be paid there.

    Waits until it is registered on-chain; the platform pays the gas.
    """
    here = session.of(context)
    who = here.whoever(agent)
    signer = keys.signer(here, keystore, key_file, dev_account)
    if dry_run:
        given = proving.challenge(who, here.chain, signer.address, account_id=account)
        shown = {"would_sign": given["typed_data"], "message": given["message"], "kind": given["kind"]}
        here.output.data(shown, lambda: here.output.line(f"{signer.address} would sign: {given['message']}"))
        return
    here.output.note(f"[dim]signing as {signer.address}; the registrar puts it on-chain and pays the gas[/]")
    old = wallet.load(key_file=old_key_file) if old_key_file else None
    proved = proving.prove(who, here.chain, signer, account_id=account, old_wallet=old)
    here.output.data(proved, lambda: here.output.line(_stands(proved)))


@group.command()
def show(context: typer.Context, agent: AgentName = None) -> None:
    """Show where you are paid, what you earned, what you can claim."""
    here = session.of(context)
    summary = here.whoever(agent).wallet_summary()
    here.output.data(summary, lambda: _summary(here, summary))


def faucet(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Who gets it.")],
    amount: Annotated[str, typer.Option(help="USDC, at most 1000.")] = "10",
) -> None:
    """Get test USDC and gas, on a local chain.

    Waits until it has arrived.
    """
    here = session.of(context)
    poured = tap.pour(here.anyone, address, amounts.given(amount))
    here.output.data(poured, lambda: here.output.line(f"{amount} test USDC and gas have arrived at {address}."))


def _stands(proved: Wallet) -> str:
    if proved["state"] == "waiting":
        return f"{proved['address']} is announced, and is paid from {when(proved['ready_at'])} UTC on (48 hours)."
    return f"{proved['address']} is {proved['state']}, in transaction {proved['tx_hash']}."


def _summary(here: Session, summary: WalletSummary) -> None:
    for account in summary["accounts"]:
        whose = "creator" if account["role"] == "creator" else "agent"
        named = f"{whose} of {account['agent_name']}" if whose == "creator" and account["agent_name"] else whose
        here.output.line(f"[bold]{named}[/] {account['agent_name'] or ''}" if whose == "agent" else f"[bold]{named}[/]")
        here.output.facts(
            [
                ("  account", account["account_id"]),
                ("  wallet", account["wallet"] or "none yet: molt wallet prove"),
                ("  earned", f"{usdc(account['earned_micro_usdc'])} USDC"),
                ("  received", f"{usdc(int(account['paid_micro_usdc']) + int(account['claimed_micro_usdc']))} USDC"),
                ("  can claim", f"{usdc(account['unclaimed_micro_usdc'])} USDC"),
            ]
        )
