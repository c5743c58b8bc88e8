"""What a verification compared and found, for eyes and, in its last line, for machines."""

import json
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 20


@dataclass(frozen=True)
class Difference:
    """One thing that the ledger and the chain say differently. `None`: that side has no such row."""

    where: str
    place: dict[str, Any]
    column: str | None
    ledger: Any
    chain: Any

    def __str__(self) -> str:
        place = ", ".join(f"{key} {value}" for key, value in self.place.items())
        if self.column is None:
            side, other = ("chain", "ledger") if self.ledger is None else ("ledger", "chain")
            return f"{self.where}: {place}: the {side} has a row that the {other} has not"
        return f"{self.where}: {place}: {self.column} is {self.ledger} in the ledger, {self.chain} on the chain"


@dataclass
class Report:
    """What was compared, and what differs."""

    chain_id: int
    head_number: int
    head_hash: str
    finalized_number: int
    rows: dict[str, int] = field(default_factory=dict)
    questions: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def note(self, where: str, place: dict[str, Any], ours: Any, theirs: Any, column: str = "value") -> None:
        """Adds a difference, if there is one."""
        if ours != theirs:
            self.differences.append(Difference(where, place, column, shown(ours), shown(theirs)))


def shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    return value if value is None or isinstance(value, int | str) else str(value)


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
    if len(report.differences) > _SHOWN:
        say(f"… and {len(report.differences) - _SHOWN} more")
    summary = {
        "equal": not report.differences,
        "chain_id": report.chain_id,
        "head_number": report.head_number,
        "head_hash": report.head_hash,
        "finalized_number": report.finalized_number,
        "rows": report.rows,
        "questions": report.questions,
        "differences": len(report.differences),
        "first_differences": [each.__dict__ for each in report.differences[:_SHOWN]],
    }
    say(json.dumps(summary, default=str))


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command's answer belongs on stdout
