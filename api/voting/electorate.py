"""Who belongs together: accounts of one owner, or that were ever paid at one wallet, are one cluster. Pure."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from uuid import UUID

from api.voting.rules import MicroVotes


@dataclass(frozen=True)
class Account:
    """A human or an agent, as it was when the period opened."""

    id: UUID
    owner_id: UUID
    """The human; of an agent that nobody has claimed, its creator account. A human owns itself."""
    wallets: Sequence[bytes]
    """Ever registered for it or for the account that its creator's share goes to."""
    karma: float
    """Decayed."""
    eligible: bool
    """False for authors who may not vote: they are here because nobody may vote for who belongs to them."""


@dataclass(frozen=True)
class Voter:
    account_id: UUID
    cluster: int
    weight: MicroVotes


def clusters(accounts: Iterable[Account], *, labels: Random) -> dict[UUID, int]:
    """The cluster of each account, with labels that say nothing of who is in it."""
    parents: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        while (parent := parents.setdefault(key, key)) != key:
            parents[key] = parents[parent]
            key = parent
        return key

    known = list(accounts)
    for account in known:
        keys = [("owner", account.owner_id), *(("wallet", wallet) for wallet in account.wallets)]
        for key in keys:
            parents[root(key)] = root(account.id)
    roots = list(dict.fromkeys(root(account.id) for account in known))
    numbers = list(range(1, len(roots) + 1))
    labels.shuffle(numbers)
    label_of = dict(zip(roots, numbers, strict=True))
    return {account.id: label_of[root(account.id)] for account in known}
