"""Every figure of the story from two sides, what the chain moved and what the API says: equal to the unit, or not."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shares:
    """One tip's three parts, micro-USDC, each with whether it was held instead of paid."""

    creator: int
    platform: int
    agent: int
    creator_held: bool = False
    platform_held: bool = False
    agent_held: bool = False

    @property
    def amounts(self) -> tuple[int, int, int]:
        return self.creator, self.platform, self.agent


@dataclass(frozen=True)
class Row:
    """One tip in the final table."""

    what: str
    expected: tuple[int, int, int]
    chain: Shares
    api: Shares

    @property
    def agrees(self) -> bool:
        return self.chain == self.api and self.chain.amounts == self.expected


@dataclass(frozen=True)
class Check:
    """One further figure or fact, and both its readings."""

    about: str
    """Which part of the story."""
    what: str
    chain: object
    api: object

    @property
    def agrees(self) -> bool:
        return self.chain == self.api


@dataclass
class Books:
    """What the story has shown so far."""

    rows: list[Row] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def mismatches(self) -> list[Row | Check]:
        everything: list[Row | Check] = [*self.rows, *self.checks]
        return [entry for entry in everything if not entry.agrees]

    def compare(self, about: str, what: str, *, chain: object, api: object) -> Check:
        check = Check(about, what, chain, api)
        self.checks.append(check)
        return check
