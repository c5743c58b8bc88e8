"""What a verification compared and found, for eyes and, in its last line, for machines."""

import json
from dataclasses import dataclass, field
from typing import Any

from ledger.reconciliation import Difference

_SHOWN = 20


@dataclass
class Report:
    """What was compared, and what differs."""

    chain_id: int
    head_number: int
    head_hash: str
    finalized_number: int
    rows: dict[str, int] = field(default_factory=dict)
    questions: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage."""
    differences: list[Difference] = field(default_factory=list)
    unnamed: int = 0
    """Differences beyond those named: a table that differs everywhere is not listed row by row."""


def shown(value: Any) -> Any:
    """As JSON takes it: bytes as 0x-hex, times as text."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    return value if value is None or isinstance(value, int | str) else str(value)


def said(difference: Difference) -> dict[str, Any]:
    """The difference as JSON takes it."""
    names = ("where", "place", "column", "ledger", "chain")
    accounts = ["0x" + account.hex() for account in difference.accounts]
    return {**{name: getattr(difference, name) for name in names}, "accounts": accounts}


def print_report(report: Report) -> None:
    say(
        f"chain {report.chain_id}, ledger head {report.head_number} {report.head_hash}, final {report.finalized_number}"
    )
    for what, compared in (("rows rebuilt and compared", report.rows), ("asked of the contracts", report.questions)):
        say(f"\n{what}")
        for name, count in compared.items():
            wrong = sum(1 for each in report.differences if each.where == name)
            say(f"  {name:<24}{count:>10}  {'equal' if wrong == 0 else f'{wrong} differ'}")
    for difference in report.differences[:_SHOWN]:
        say(f"DIFFERENT  {difference}")
    if hidden := len(report.differences[_SHOWN:]) + report.unnamed:
        say(f"… and {hidden} more")
    summary = {
        "equal": not report.differences,
        "chain_id": report.chain_id,
        "head_number": report.head_number,
        "head_hash": report.head_hash,
        "finalized_number": report.finalized_number,
        "rows": report.rows,
        "questions": report.questions,
        "seconds": {stage: round(seconds, 2) for stage, seconds in report.seconds.items()},
        "differences": len(report.differences) + report.unnamed,
        "first_differences": [said(each) for each in report.differences[:_SHOWN]],
    }
    say(json.dumps(summary))


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command's answer belongs on stdout
