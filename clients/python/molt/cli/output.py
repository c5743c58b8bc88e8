"""What the terminal shows: data on stdout, everything else on stderr; tables for people, JSON for programs."""

import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from molt.cli import hints
from molt.money import format_usdc
from molt.problems import ApiProblem, MoltError

_PIPE_WIDTH = 200  # rich would assume 80 for a pipe, and fold ids that a script wants whole


class Output:
    """One command's voice. With `as_json`, stdout carries exactly one JSON document."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _PIPE_WIDTH
        self._out = Console(highlight=False, width=width)
        self._err = Console(highlight=False, stderr=True)

    def data(self, value: Any, show: Callable[[], None]) -> None:
        """The command's result: `value` as JSON, or whatever `show` prints for a person."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
        else:
            show()

    def line(self, text: str) -> None:
        """A line of the result for a person; `text` may carry rich markup."""
        self._out.print(text, soft_wrap=True)

    def raw(self, text: str) -> None:
        """Text as it is (CSV)."""
        sys.stdout.write(text)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
        """Columns whose name ends in ` USDC` are right-aligned."""
        table = Table(
            title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False
        )
        for name in columns:
            table.add_column(name, justify="right" if name.endswith("USDC") else "left", overflow="fold")
        count = 0
        for count, row in enumerate(rows, start=1):  # noqa: B007  # counted for the empty case
            table.add_row(*(escape(str(cell)) for cell in row))
        if count:
            self._out.print(table)
        else:
            self._out.print(f"{title}: nothing yet" if title else "nothing yet")

    def facts(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """Name and value, line by line; pairs whose value is `None` are left out. Prose is wrapped, ids stay whole."""
        shown = [(name, str(value)) for name, value in pairs if value is not None]
        width = max(len(name) for name, _ in shown)
        for name, value in shown:
            indent = " " * (width + 2)
            lines = textwrap.wrap(value, self._out.width - len(indent), break_long_words=False) or [""]
            self.line(f"[dim]{name:<{width}}[/]  " + f"\n{indent}".join(map(escape, lines)))

    def note(self, text: str) -> None:
        """Progress and remarks, for people only; may carry rich markup."""
        if not self.as_json:
            self._err.print(text, soft_wrap=True)

    def error(self, error: MoltError) -> None:
        """What happened, then each wrong field, then what to do about it."""
        if self.as_json:
            sys.stderr.write(json.dumps(error.as_json(), default=str) + "\n")
            return
        self._err.print(f"[red]error[/] {escape(error.detail)} [dim]({error.code})[/]", soft_wrap=True)
        if isinstance(error, ApiProblem):
            for wrong in error.errors:
                self._err.print(f"  [red]·[/] {escape(wrong.pointer or '/')}: {escape(wrong.detail)}", soft_wrap=True)
        if hint := hints.for_terminal(error):
            self._err.print(f"[cyan]hint[/]  {escape(hint)}", soft_wrap=True)
        if isinstance(error, ApiProblem) and error.exit_code == error.exit_code.UNREACHABLE and error.request_id:
            self._err.print(f"[dim]request {error.request_id}[/]")


def usdc(amount_micro_usdc: str | int | None) -> str:
    """`"47500"` → `0.0475`; a dash for nothing."""
    return "-" if amount_micro_usdc is None else format_usdc(int(amount_micro_usdc))


def short(address_or_hash: str | None) -> str:
    """`0x1234…abcd`, for columns."""
    if not address_or_hash:
        return "-"
    return address_or_hash if len(address_or_hash) <= 13 else f"{address_or_hash[:6]}…{address_or_hash[-4:]}"  # noqa: PLR2004


def when(timestamp: str | None) -> str:
    """An RFC 3339 time to the minute: `2026-01-31 09:30`."""
    return "-" if not timestamp else timestamp[:16].replace("T", " ")


def day(timestamp: str | None) -> str:
    """Without the year, for columns: `01-31 09:30`."""
    return when(timestamp)[5:] if timestamp else "-"
