"""What one check of a law of the contracts said (the laws: docs/invariants.md)."""

from dataclasses import dataclass
from typing import Literal

How = Literal["invariant", "fuzz", "symbolic", "mutant"]


@dataclass(frozen=True)
class Check:
    """One check, run once. For a mutant, `held` says that some test failed: the law's checks can fail."""

    law: int
    how: How
    name: str
    held: bool
    seconds: float
    note: str = ""
    """How deep it searched; what a solver could not decide and what stands in for it; which tests killed the mutant."""
