"""What a mutant is, and its name, which holds no line number and so does not go stale when lines move."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.mutation.compiler import ROOT

Node = dict[str, object]


@dataclass(frozen=True)
class Edit:
    """An operator's proposal."""

    operator: str
    start: int
    """Bytes, not characters: solc counts so."""
    length: int
    replacement: str
    switched: str = ""
    """The original and the replacement at once, `SWITCH` standing for what decides; empty where that cannot be."""


SWITCH = "§"


@dataclass(frozen=True)
class Mutant:
    path: str
    key: str
    """`File.function: operator: source text → replacement`, and which of several alike in the function."""
    first_line: int
    last_line: int
    source: str
    """The whole file, mutated."""
    edit: Edit


def mutants_of(path: str, edits: Iterator[tuple[str, Edit]]) -> Iterator[Mutant]:
    """`edits` come with the function they are in."""
    original = (ROOT / path).read_bytes()
    seen: Counter[str] = Counter()
    done: set[tuple[int, int, str]] = set()
    for function, edit in edits:
        end = edit.start + edit.length
        same = (edit.start, edit.length, edit.replacement)
        if same in done or original[edit.start : end].decode() == edit.replacement:
            continue
        done.add(same)
        text = " ".join(original[edit.start : end].decode().split())
        key = (
            f"{Path(path).stem}.{function}: {edit.operator}: {text} → {' '.join(edit.replacement.split()) or 'nothing'}"
        )
        seen[key] += 1
        if seen[key] > 1:
            key += f" ({seen[key]})"
        mutated = original[: edit.start] + edit.replacement.encode() + original[end:]
        first = original.count(b"\n", 0, edit.start) + 1
        last = first + original.count(b"\n", edit.start, end)
        yield Mutant(path, key, first, last, mutated.decode(), edit)
