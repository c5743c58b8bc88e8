"""`doctor`: is every part well, and what to do where not."""

import os

import typer
from rich.markup import escape

from molt import checkup
from molt.checkup import Finding, Patient, Verdict
from molt.cli import session
from molt.cli.session import Session
from molt.problems import ExitCode

_MARKS: dict[Verdict, str] = {
    "ok": "[green]✓[/]",
    "warning": "[yellow]![/]",
    "failed": "[red]✗[/]",
    "skipped": "[dim]-[/]",
}


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(context: typer.Context) -> None:
    """Check every part, and say what to do where one is not well."""
    here = session.of(context)
    patient = Patient(url=here.url, credentials=here.credentials, rpc_url=os.environ.get("MOLT_RPC_URL"))
    findings = []
    for finding in checkup.examine(patient):
        findings.append(finding)
        _show(here, finding)
    failed = [each for each in findings if each.verdict == "failed"]
    here.output.data(
        {"well": not failed, "findings": [each.as_json() for each in findings]},
        lambda: here.output.line(f"{len(failed)} part(s) not well." if failed else "Everything is well."),
    )
    if failed:
        raise typer.Exit(int(ExitCode.MISMATCH))


def _show(here: Session, finding: Finding) -> None:
    if here.output.as_json:
        return
    here.output.line(f"{_MARKS[finding.verdict]} {finding.part:<12} {escape(finding.detail)}")
    if finding.to_do:
        here.output.line(f"  [cyan]{'to do':<12}[/] {escape(finding.to_do)}")
