"""What may be paid for. The contract splits every payment alike, whatever its `ref` names; what a ref names, these say.

How to add one: docs/paying.md, "Another kind of payment". `tests/end_to_end/test_another_kind.py` adds one.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.production import queries as production
from api.production import terms
from api.production.queries import Episode
from api.production.terms import Terms


@dataclass(frozen=True)
class Payable:
    """One thing that may be paid for, and whom that pays. All who are paid are in `terms`, and so in the vault."""

    kind: "Kind"
    id: UUID
    title: str
    creator_id: UUID
    agent_id: UUID
    vault: bytes

    @property
    def terms(self) -> Terms:
        return terms.of(creator_id=self.creator_id, agent_id=self.agent_id, payable_id=self.id)

    @property
    def path(self) -> str:
        """Where it is paid by x402."""
        return self.kind.path.format(id=self.id)


@dataclass(frozen=True)
class Kind:
    """A kind of payment: how its things are found when the chain names them."""

    name: str
    """In `Tip.kind`, and in the table of what was submitted."""
    path: str
    """Where one is paid by x402; `{id}` is its id."""
    description: str
    """What a payer is told, in a 402."""
    of_refs: Callable[[AsyncSession, Sequence[bytes]], Awaitable[Sequence[Payable]]]
    """Those that the refs (32 bytes) name."""
    of_vault: Callable[[AsyncSession, int, bytes], Awaitable[Payable | None]]
    """That whose vault, on this chain, it is."""


def for_episode(episode: Episode) -> Payable:
    return Payable(TIP, episode.id, episode.title, episode.creator_id, episode.agent_id, episode.vault)


async def _episodes(session: AsyncSession, refs: Sequence[bytes]) -> Sequence[Payable]:
    return [for_episode(episode) for episode in (await production.episodes_by_ref(session, refs)).values()]


async def _episode_of_vault(session: AsyncSession, chain_id: int, vault: bytes) -> Payable | None:
    episode = await production.episode_of_vault(session, chain_id, vault)
    return for_episode(episode) if episode else None


TIP = Kind(
    name="tip",
    path="/api/v1/episodes/{id}/tip",
    description="A tip: 80 % to the creator, 19 % to the platform, 1 % to the agent, in one transaction."
    " `GET …/tip-quote` shows other ways to pay it.",
    of_refs=_episodes,
    of_vault=_episode_of_vault,
)
KINDS = {TIP.name: TIP}
"""Every kind, by its name."""


async def of_refs(session: AsyncSession, refs: Sequence[bytes]) -> dict[bytes, Payable]:
    """What the refs (32 bytes) name, as far as that is anything of this platform."""
    found = [payable for kind in KINDS.values() for payable in await kind.of_refs(session, refs)]
    return {payable.terms.ref: payable for payable in found}


async def of_vault(session: AsyncSession, chain_id: int, vault: bytes) -> Payable | None:
    """What is paid for with money that is sent there."""
    for kind in KINDS.values():
        if payable := await kind.of_vault(session, chain_id, vault):
            return payable
    return None
