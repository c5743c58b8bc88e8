"""How the story is told: chapters, steps with a spinner, and the final table. 80 columns are enough."""

import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.status import Status
from rich.table import Table
from rich.text import Text

from molt.demo.books import Books, Check, Row, Shares
from molt.money import format_usdc

_WIDTH = 80
_FETCHED_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # a picture should ask nobody for anything
_YES, _NO = "[green]✓[/]", "[red]✗[/]"


class Stage:
    """Tells the story on a terminal; silent where the caller wants only JSON."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(highlight=False, stderr=True, quiet=quiet)
        self._table = Console(highlight=False, quiet=quiet)
        self._began = time.monotonic()
        self._chapter = 0
        self._status: Status | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def chapter(self, title: str, about: str) -> None:
        self._chapter += 1
        self._console.print(f"\n[bold]{self._chapter}. {escape(title)}[/]")
        self._console.print(f"[dim]{escape(about)}[/]")

    def aside(self, text: str) -> None:
        """Shown beside the spinner while the step lasts."""
        if self._status is not None:
            self._status.update(escape(text))

    def skip(self, why: str) -> None:
        self._console.print(f"  [yellow]-[/] skipped: {escape(why)}")

    @contextmanager
    def step(self, what: str) -> Iterator["Told"]:
        """One line: a spinner while it lasts, then what came of it."""
        told = Told()
        began = time.monotonic()
        with self._console.status(escape(what)) as self._status:
            try:
                yield told
            except BaseException:
                self._console.print(f"  {_NO} {escape(what)}")
                raise
        took = time.monotonic() - began
        shown = f" [dim]{took:.1f} s[/]" if took >= 1 else ""
        self._console.print(f"  {_YES} {escape(told.text or what)}{shown}")

    def checked(self, check: Check) -> None:
        if check.agrees:
            self._console.print(f"  {_YES} {escape(check.what)}: {escape(_shown(check.api))} [dim]chain = API[/]")
        else:
            values = f"chain {_shown(check.chain)}, API {_shown(check.api)}"
            self._console.print(f"  {_NO} {escape(check.what)}: [red]{escape(values)}[/]")

    def finish(self, books: Books, *, svg: Path | None = None) -> None:
        """The tables and the verdict on stdout; `svg` also gets a picture of them."""
        picture = picture_of(books, self.seconds)
        self._console.print()
        self._table.print(picture)
        if svg is not None:
            recorder = Console(record=True, width=_WIDTH, highlight=False, file=io.StringIO())
            recorder.print(picture)
            svg.parent.mkdir(parents=True, exist_ok=True)
            svg.write_text(_FETCHED_FONTS.sub("", recorder.export_svg(title="molt demo")))


class Told:
    """What a step turned out to be, said in place of what it was going to be."""

    text: str | None = None

    def so(self, text: str) -> None:
        self.text = text


def picture_of(books: Books, seconds: float) -> Group:
    return Group(tips_of(books), "", checks_of(books), "", verdict(books, seconds))


def tips_of(books: Books) -> Table:
    """Who got what of each tip, and whether chain, ledger and API say the same."""
    table = _table(f"Who got what of {format_usdc(250_000)} USDC, in micro-USDC")
    table.add_column("tip")
    for name in ("creator", "platform", "agent"):
        table.add_column(name, justify="right")
    table.add_column("chain = ledger = API", justify="center")
    for row in books.rows:
        table.add_row(escape(row.what), *_cells(row.chain), _YES if row.agrees else _NO)
    return table


def checks_of(books: Books) -> Table:
    """What else was read from both sides."""
    table = _table("What became of it")
    table.add_column("")
    table.add_column("chain", justify="right")
    table.add_column("ledger, by the API", justify="right")
    table.add_column("equal", justify="center")
    for check in books.checks:
        table.add_row(
            f"{check.about}: {escape(check.what)}",
            _shown(check.chain),
            _shown(check.api),
            _YES if check.agrees else _NO,
        )
    return table


def verdict(books: Books, seconds: float) -> Panel:
    wrong = books.mismatches
    figures = 3 * len(books.rows) + len(books.checks)
    if not wrong:
        text = Text(f"{figures} figures, read from the chain and from the API: all equal. {seconds:.0f} s.")
        return Panel(text, expand=False, border_style="green")
    lines = [f"{len(wrong)} of {len(books.rows) + len(books.checks)} differ:", *map(_difference, wrong)]
    return Panel(Text("\n".join(lines)), expand=False, border_style="red")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", pad_edge=False, box=None)


def _cells(shares: Shares) -> list[str]:
    held = (shares.creator_held, shares.platform_held, shares.agent_held)
    return [
        f"{amount:,} [yellow]held[/]" if is_held else f"{amount:,}"
        for amount, is_held in zip(shares.amounts, held, strict=True)
    ]


def _difference(entry: Row | Check) -> str:
    about = f"{entry.about}: " if isinstance(entry, Check) else ""
    expected = (
        f", expected {entry.expected}" if isinstance(entry, Row) and entry.chain.amounts != entry.expected else ""
    )
    return f"{about}{entry.what}: chain {_shown(entry.chain)}, API {_shown(entry.api)}{expected}"


def _shown(value: object) -> str:
    if isinstance(value, Shares):
        return f"{value.amounts}" + (
            " some held" if value.creator_held or value.platform_held or value.agent_held else ""
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{format_usdc(value)} USDC"
    return str(value)
