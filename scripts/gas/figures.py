"""The committed figures, and the table that docs/gas.md shows of them."""

import json
from dataclasses import asdict, dataclass

from deploy.local.chain import ROOT
from scripts.gas.rows import ROWS, Row

COMMITTED = ROOT / "contracts" / "gas.json"
DOCUMENT = ROOT / "docs" / "gas.md"
BEGIN, END = "<!-- written by `make gas` -->", "<!-- end -->"
ALLOWED = 0.01
"""More than the committed figure, as a part of it; beyond, it is a regression."""


@dataclass(frozen=True)
class Figure:
    gas: int
    floor: int | None


Figures = dict[str, Figure]
"""By the row's key."""


def committed() -> Figures:
    if not COMMITTED.exists():
        return {}
    return {key: Figure(**figure) for key, figure in json.loads(COMMITTED.read_text()).items()}


def write(measured: Figures) -> None:
    COMMITTED.write_text(json.dumps({key: asdict(figure) for key, figure in measured.items()}, indent=2) + "\n")
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(), measured))


def with_table(document: str, figures: Figures) -> str:
    head, rest = document.split(BEGIN)
    return f"{head}{BEGIN}\n{table(figures)}\n{END}{rest.split(END)[1]}"


def table(figures: Figures) -> str:
    lines = ["| what | gas | target | floor | gas / floor | gas / peers, as published |", "|---|--:|--:|--:|--:|---|"]
    lines += ["| " + " | ".join(cells(row, figures[row.key])) + " |" for row in ROWS]
    return "\n".join(lines)


def cells(row: Row, figure: Figure) -> list[str]:
    floor = (f"{figure.floor:,}", f"{figure.gas / figure.floor:.3f}") if figure.floor else ("", "")
    peers = ", ".join(f"{figure.gas / peer.gas:.2f} of {peer.gas:,} {peer.name}" for peer in row.peers)
    return [row.name, f"{figure.gas:,}", f"{row.target:,}" if row.target else "", *floor, peers]


def failures(before: Figures, measured: Figures) -> list[str]:
    """What misses its target, or costs over 1 % more than is committed."""
    found = []
    for row in ROWS:
        gas = measured[row.key].gas
        if row.target is not None and gas > row.target:
            found.append(f"{row.name}: {gas:,} misses its target of {row.target:,}")
        earlier = before.get(row.key)
        if earlier is not None and gas > earlier.gas * (1 + ALLOWED):
            found.append(f"{row.name}: {gas:,} is {gas / earlier.gas - 1:.2%} more than the committed {earlier.gas:,}")
    return found
