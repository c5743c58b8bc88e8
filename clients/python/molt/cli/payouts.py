"""`earnings`, `payouts`, `payouts statement`, `unclaimed`, `claim`."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from molt.cli import session
from molt.cli.output import day, short, usdc, when
from molt.cli.session import Session
from molt.cli.studios import Limit
from molt.cli.wallets import AgentName
from molt.client import GroupBy, Molt, StatementForm
from molt.problems import ChainRefused, OutcomeUnknown
from molt.shapes import Claim, Earnings, Payout, Statement, UnclaimedList

CLAIM_TIMEOUT_SECONDS = 90.0

AccountId = Annotated[str | None, typer.Option("--account", help="Only this one of your payout accounts.")]


_STATEMENT = {
    "opening_held_micro_usdc": "held before",
    "earned_micro_usdc": "earned",
    "paid_micro_usdc": "paid",
    "held_micro_usdc": "held",
    "claimed_micro_usdc": "claimed",
    "swept_micro_usdc": "swept",
    "closing_held_micro_usdc": "held after",
}


def add_to(app: typer.Typer) -> None:
    for command in (earnings, unclaimed, claim):
        app.command()(command)
    group = typer.Typer(invoke_without_command=True)
    group.callback()(payouts)
    group.command()(statement)
    app.add_typer(group, name="payouts")


def earnings(
    context: typer.Context,
    *,
    by: Annotated[GroupBy, typer.Option("--by", "--group-by", help="What a line is.")] = "day",
    since: Annotated[str | None, typer.Option(help="From this moment on: 2026-01-31T00:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this moment.")] = None,
    account: AccountId = None,
    agent: AgentName = None,
    csv: Annotated[bool, typer.Option("--csv", help="The same rows as CSV.")] = False,
) -> None:
    """Show what you earned: final, still pending, held."""
    here = session.of(context)
    who = here.whoever(agent)
    if csv:
        here.output.raw(who.earnings_csv(group_by=by, since=since, until=until, account_id=account))
        return
    found = who.earnings(group_by=by, since=since, until=until, account_id=account)
    here.output.data(found, lambda: _earnings(here, found))


def payouts(context: typer.Context, account: AccountId = None, agent: AgentName = None, limit: Limit = 20) -> None:
    """List what happened to your money: paid, held, claimed, swept."""
    if context.invoked_subcommand is not None:
        return
    here = session.of(context)
    found = list(here.whoever(agent).payouts(account_id=account, limit=limit))
    here.output.data(found, lambda: _payouts(here, found))


def statement(
    context: typer.Context,
    *,
    month: Annotated[str, typer.Option(help="Which: 2026-11 (UTC, by the chain's time).")],
    form: Annotated[StatementForm | None, typer.Option("--format", help="As a file: CSV, or a PDF to hand on.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the file here; else to stdout.")] = None,
    account: AccountId = None,
    agent: AgentName = None,
) -> None:
    """Show a month: what was held before, every movement, what is held after."""
    here = session.of(context)
    who = here.whoever(agent)
    if form is None and output is None:
        found = who.statement(month, account_id=account)
        here.output.data(found, lambda: _statement(here, found))
        return
    form = form or "pdf"
    if form == "pdf" and output is None and sys.stdout.isatty():
        raise typer.BadParameter("a PDF is nothing for a terminal: name a file", param_hint="--output")
    content = who.statement_file(month, form, account_id=account)
    if output is None:
        sys.stdout.buffer.write(content)
        return
    output.write_bytes(content)
    here.output.note(f"[dim]· {output}: {len(content):,} bytes[/]")


def unclaimed(context: typer.Context, account: AccountId = None, agent: AgentName = None) -> None:
    """List what is held for you: why, until when, what to do."""
    here = session.of(context)
    found = here.whoever(agent).unclaimed(account_id=account)
    here.output.data(found, lambda: _unclaimed(here, found))


def claim(
    context: typer.Context,
    *,
    account: AccountId = None,
    agent: AgentName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is to claim.")] = False,
) -> None:
    """Claim what is held for you.

    It goes to your registered wallets, and nowhere else; the platform pays the gas. Waits until it has arrived.
    """
    here = session.of(context)
    who = here.whoever(agent)
    if dry_run:
        found = who.unclaimed(account_id=account)
        here.output.data(found, lambda: _unclaimed(here, found))
        return
    asked = who.claim(account_id=account)["data"]
    here.output.note(f"[dim]· {len(asked)} claim(s) sent; waiting for the chain[/]")
    done = [settled(who, each) for each in asked]
    here.output.data(done, lambda: _claimed(here, done))


def settled(molt: Molt, claim: Claim) -> Claim:
    """The claim, once it has reached the wallet. Raises `ChainRefused`, and `OutcomeUnknown` when it takes too long."""
    deadline = time.monotonic() + CLAIM_TIMEOUT_SECONDS
    while claim["status"] == "pending":
        if time.monotonic() > deadline:
            raise OutcomeUnknown(
                f"claim {claim['id']} is sent and not settled after {CLAIM_TIMEOUT_SECONDS:.0f} s",
                hint="`molt payouts` will show it; claiming again is harmless",
            )
        time.sleep(0.5)
        claim = molt.claim_status(claim["id"])
    if claim["status"] == "refused":
        raise ChainRefused(
            f"claim {claim['id']} was refused: {claim['refusal']}", hint="`molt unclaimed` says what to do"
        )
    return claim


def _earnings(here: Session, found: Earnings) -> None:
    rows = [
        (e["key"], e["tips"], usdc(e["final_micro_usdc"]), usdc(e["pending_micro_usdc"]), usdc(e["total_micro_usdc"]))
        for e in [*found["data"], found["total"]]
    ]
    held = int(found["total"]["held_micro_usdc"])
    here.output.table([found["group_by"], "tips", "final USDC", "pending USDC", "total USDC"], rows, title="Earnings")
    if held:
        here.output.line(f"{usdc(held)} USDC of it was held when tipped: `molt unclaimed` says what still is.")


def _payouts(here: Session, found: list[Payout]) -> None:
    here.output.table(
        ["when (UTC)", "what", "USDC", "role", "to, or why not", "finality", "transaction"],
        [
            (
                day(p["block_time"]),
                p["kind"],
                usdc(p["amount_micro_usdc"]),
                p["role"] or "-",
                short(p["wallet"]) if p["kind"] != "held" else str(p["held_reason"]).replace("_", " "),
                p["finality"],
                short(p["tx_hash"]),
            )
            for p in found
        ],
        title="Payouts",
    )


def _statement(here: Session, found: Statement) -> None:
    here.output.table(
        ["when (UTC)", "what", "USDC", "for", "finality", "transaction"],
        [
            (
                day(line["time"]),
                line["kind"],
                usdc(line["amount_micro_usdc"]),
                line["episode"] or "-",
                line["finality"] or "-",
                short(line["tx_hash"]),
            )
            for line in found["data"]
        ],
        title=f"Statement of {found['month']}",
    )
    for column, name in _STATEMENT.items():
        here.output.line(f"{name:<12} {usdc(found['total'][column]):>20} USDC")  # type: ignore[literal-required]
    here.output.line(found["status_detail"])


def _unclaimed(here: Session, found: UnclaimedList) -> None:
    here.output.table(
        ["USDC", "until (UTC)", "days left", "why", "what to do"],
        [
            (
                usdc(u["amount_micro_usdc"]),
                when(u["expires_at"]),
                f"{u['seconds_left'] / 86_400:.1f}",
                ", ".join(u["reasons"]).replace("_", " "),
                u["to_do"].replace("_", " "),
            )
            for u in found["data"]
        ],
        title="Unclaimed",
    )
    if found["data"]:
        here.output.line(f"In all {usdc(found['total_micro_usdc'])} USDC can be claimed.")


def _claimed(here: Session, done: list[Claim]) -> None:
    for each in done:
        here.output.line(f"{usdc(each['claimed_micro_usdc'])} USDC claimed, in transaction {each['tx_hash']}.")
