"""Many mutants in one compilation: each stands beside the original, and a number decides at run time which is alive.

The number is `block.prevrandao`, which neither the contracts nor USDC read; forge sets it. No mutant has the number 0.
What survives here is compiled alone afterwards, so that no survival rests on code that nobody would write so.
"""

import re

from scripts.mutation.compiler import ROOT
from scripts.mutation.mutant import SWITCH, Mutant

SIZE = 40
_PURE = re.compile(r"\bpure\b")


def batches(mutants: list[Mutant]) -> list[list[Mutant]]:
    """Those of a batch do not overlap. A mutant that cannot stand beside the original has a batch of its own."""
    full: list[list[Mutant]] = []
    for mutant in mutants:
        for batch in full:
            if mutant.edit.switched and len(batch) < SIZE and all(_apart(mutant, other) for other in batch):
                batch.append(mutant)
                break
        else:
            full.append([mutant])
    return full


def sources(batch: list[Mutant]) -> dict[str, str]:
    """Path → text with all of them, numbered from 1. Reading the number is not pure."""
    texts = {f"contracts/src/{path.name}": path.read_bytes() for path in (ROOT / "contracts" / "src").glob("*.sol")}
    for number, mutant in sorted(enumerate(batch, start=1), key=lambda entry: -entry[1].edit.start):
        edit, text = mutant.edit, texts[mutant.path]
        chosen = f"eq(prevrandao(), {number})" if "assembly" in edit.operator else f"block.prevrandao == {number}"
        switched = edit.switched.replace(SWITCH, chosen).encode()
        texts[mutant.path] = text[: edit.start] + switched + text[edit.start + edit.length :]
    return {path: _PURE.sub("view", text.decode()) for path, text in texts.items()}


def _apart(one: Mutant, other: Mutant) -> bool:
    if not other.edit.switched:
        return False
    a, b = one.edit, other.edit
    return one.path != other.path or a.start + a.length <= b.start or b.start + b.length <= a.start
