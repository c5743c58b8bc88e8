"""`tip` moves money; `tips` and `tips show` say what became of it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from molt import tipping
from molt.cli import amounts, keys, session
from molt.cli.keys import DevAccount, KeyFile, Keystore
from molt.cli.output import day, short, usdc, when
from molt.cli.session import Session
from molt.cli.studios import Limit
from molt.problems import NoCredentials, problem_from
from molt.shapes import Episode, Tip, TipQuote
from molt.splitter import Rail, Terms
from molt.tipping import Payer
from molt.wallet import Wallet

group = typer.Typer(help="Tips: list them, or show one.", invoke_without_command=True)

_UNPROCESSABLE = 422
_MENDED_ON_THE_WAY = {"INSUFFICIENT_ALLOWANCE"}  # this package approves first
_STEPS: dict[Rail, list[str]] = {
    "approve": ["send USDC.approve(splitter, amount), unless enough is allowed", "send splitter.tip(…)"],
    "permit": ["sign a Permit (EIP-2612) for exactly this amount", "send splitter.tipWithPermit(…)"],
    "authorization": ["sign ReceiveWithAuthorization (EIP-3009); the relayer sends it and pays the gas"],
    "x402": ["sign TransferWithAuthorization to the episode's vault; the relayer sends it and pays the gas"],
    "transfer": ["send USDC.transfer(vault, amount)", "send splitter.flush(…), unless the platform was quicker"],
}


def add_to(app: typer.Typer) -> None:
    app.command()(tip)
    app.add_typer(group, name="tips")


def tip(
    context: typer.Context,
    *,
    episode: Annotated[str, typer.Argument(help="An episode's id, or SERIES/NUMBER.")],
    amount: Annotated[str, typer.Option(help="USDC; 0.10 at least.")] = "0.25",
    rail: Annotated[
        Rail, typer.Option(help="How the money goes in. All five pay the same three recipients.")
    ] = "permit",
    keystore: Keystore = None,
    key_file: KeyFile = None,
    dev_account: DevAccount = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would get what; sign and send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Tip an episode.

    80 % creator, 19 % platform, 1 % agent, in one transaction or not at all. Waits until the ledger has it.
    """
    here = session.of(context)
    wanted = amounts.given(amount)
    chosen = _episode(here, episode)
    if dry_run:
        wallet = _wallet_if_named(here, keystore, key_file, dev_account)
        quote = here.anyone.tip_quote(chosen["id"], wanted, payer=wallet.address if wallet else None)
        here.output.data({**quote, "would": _STEPS[rail]}, lambda: _show_quote(here, quote, rail))
        _demand_nothing_in_the_way(quote, rail)
        return
    payer = Payer(keys.signer(here, keystore, key_file, dev_account), here.rpc, here.chain)
    quote = here.anyone.tip_quote(chosen["id"], wanted, payer=payer.wallet.address)
    _demand_nothing_in_the_way(quote, rail)
    if not (yes or here.output.as_json) and sys.stdin.isatty():
        _show_quote(here, quote, rail)
        typer.confirm("Pay?", abort=True, err=True)
    paid = tipping.pay(
        payer,
        here.anyone,
        rail=rail,
        terms=Terms.of(chosen),
        amount=wanted,
        say=lambda text: here.output.note(f"[dim]· {text}[/]"),
    )
    settled = tipping.in_ledger(here.anyone, paid)
    here.output.data(settled, lambda: _show_tip(here, settled))


@group.callback()
def tips(
    context: typer.Context,
    *,
    episode: Annotated[str | None, typer.Option(help="Only for this episode.")] = None,
    payer: Annotated[str | None, typer.Option(help="Only by this wallet.")] = None,
    account: Annotated[str | None, typer.Option(help="Only those that pay this account.")] = None,
    limit: Limit = 20,
) -> None:
    """List tips, newest first, as the chain has them. `molt tips show ID` shows one."""
    if context.invoked_subcommand is not None:
        return
    here = session.of(context)
    wanted = _episode(here, episode)["id"] if episode else None
    found = list(here.anyone.tips(episode=wanted, payer=payer, account=account, limit=limit))
    here.output.data(found, lambda: _table(here, found))


@group.command("show")
def show_tip(
    context: typer.Context, tip_id: Annotated[str, typer.Argument(help="As `molt tips --json` or `molt tip` gave it.")]
) -> None:
    """Show one tip: who got what, what was held and why, how final it is."""
    here = session.of(context)
    found = here.anyone.tip(tip_id)
    here.output.data(found, lambda: _show_tip(here, found))


def _episode(here: Session, named: str) -> Episode:
    series_id, slash, number = named.partition("/")
    return here.anyone.episode_of_series(series_id, number) if slash else here.anyone.episode(named)


def _wallet_if_named(
    here: Session, keystore: Path | None, key_file: Path | None, dev_account: int | None
) -> Wallet | None:
    try:
        return keys.signer(here, keystore, key_file, dev_account)
    except NoCredentials:
        return None


def _demand_nothing_in_the_way(quote: TipQuote, rail: Rail) -> None:
    """Raises the first problem of this rail that this package does not mend on the way."""
    for problem in quote["problems"]:
        if problem["rail"] in {None, rail} and problem["code"] not in _MENDED_ON_THE_WAY:
            raise problem_from(_UNPROCESSABLE, dict(problem))


def _show_quote(here: Session, quote: TipQuote, rail: Rail) -> None:
    rows = [(s["role"], usdc(s["amount_micro_usdc"]), _where(s)) for s in quote["shares"]]
    here.output.table(
        ["who", "USDC", "where"], rows, title=f"{usdc(quote['amount_micro_usdc'])} USDC by {rail} would be"
    )
    for step in _STEPS[rail]:
        here.output.line(f"[dim]· would {step}[/]")


def _show_tip(here: Session, tip: Tip) -> None:
    rows = [(s["role"], usdc(s["amount_micro_usdc"]), _where(s)) for s in tip["shares"]]
    here.output.table(["who", "USDC", "where"], rows, title=f"{usdc(tip['amount_micro_usdc'])} USDC, {tip['status']}")
    settlement, refusal = tip["settlement"], tip["refusal"]
    here.output.facts(
        [
            ("tip", tip["id"]),
            ("episode", tip["episode_id"]),
            ("rail", tip["rail"]),
            ("payer", tip["payer"] or _contributors(tip)),
            ("transaction", settlement and settlement["tx_hash"]),
            ("block", settlement and f"{settlement['block_number']}, {when(settlement['block_time'])} UTC"),
            ("finality", settlement and settlement["finality"]),
            ("refused", refusal and f"{refusal['detail']} {refusal['hint']}"),
            ("not counted", tip["not_counted_because"]),
        ]
    )


def _table(here: Session, found: list[Tip]) -> None:
    here.output.table(
        ["when (UTC)", "USDC", "rail", "payer", "held", "finality", "transaction"],
        [
            (
                day(t["settlement"]["block_time"]) if t["settlement"] else t["status"],
                usdc(t["amount_micro_usdc"]),
                t["rail"],
                short(t["payer"] or _contributors(t)),
                ", ".join(s["role"] for s in t["shares"] if s["held"]) or "-",
                t["settlement"]["finality"] if t["settlement"] else "-",
                short(t["settlement"]["tx_hash"] if t["settlement"] else None),
            )
            for t in found
        ],
        title="Tips",
    )


def _contributors(tip: Tip) -> str | None:
    """Whose plain transfers a flush has split."""
    return ", ".join(dict.fromkeys(each["from"] for each in tip.get("contributions", []))) or None


def _where(share: Any) -> str:
    """Of a quoted share or a paid one."""
    if not share["held"]:
        return str(share["wallet"])
    until = f" until {when(share['expires_at'])} UTC" if share.get("expires_at") else ""
    return f"held{until}: {str(share['held_reason']).replace('_', ' ')}"
