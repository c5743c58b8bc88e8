"""`POST /episodes/{id}/tip`: 402 → the client signs → three wallets are paid → 200."""

from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from api import edge
from api.callers import MaybeCaller
from api.db import Reading, Writing
from api.errors import MethodNotAllowed, problems
from api.production.errors import EpisodeNotFound
from api.resources import Held, Resources
from api.tips import kinds, quotes, schemas
from api.wire import Amount
from api.x402 import paying
from api.x402.offer import Offer
from ledger.money import MicroUsdc

router = edge.router(tags=["tips"])


class TipRequest(BaseModel):
    """How much to tip, if the query does not say it."""

    model_config = ConfigDict(extra="forbid")

    amount_micro_usdc: Amount | None = None


@router.post(
    "/episodes/{episode_id}/tip",
    operation_id="tipEpisode",
    response_model=schemas.Tip,
    responses={
        202: {"model": schemas.Tip, "description": "The outcome is not known yet: ask `Location`. Do not pay again."},
        **problems(EpisodeNotFound, *paying.PROBLEMS),
    },
)
async def tip_episode(
    *,
    session: Writing,
    resources: Held,
    caller: MaybeCaller,
    request: Request,
    episode_id: UUID,
    amount: schemas.AskedAmount = None,
    asked: TipRequest | None = None,
) -> Response:
    """Tips the episode by x402, version 1 or 2, scheme `exact`: with any official client, this is one call.

    Without PAYMENT-SIGNATURE (or X-PAYMENT): 402, and what to sign. With it: the tip, split. The same payment again is
    the same tip, and is never asked for twice.
    """
    if amount is None and asked is not None:
        amount = asked.amount_micro_usdc
    offer = await _offer(session, resources, episode_id, amount)
    return await paying.paid(session, resources, caller, request, offer)


@router.get(
    "/episodes/{episode_id}/tip",
    operation_id="tipTerms",
    status_code=402,
    responses=problems(EpisodeNotFound, *paying.ASKING_PROBLEMS, MethodNotAllowed),
)
async def tip_terms(
    *,
    session: Reading,
    resources: Held,
    request: Request,
    episode_id: UUID,
    amount: schemas.AskedAmount = None,
) -> Response:
    """What a tip would ask for, always 402: a page for browsers, JSON for programs. A tip itself is a POST."""
    offer = await _offer(session, resources, episode_id, amount)
    return await paying.terms(session, resources, request, offer)


async def _offer(session: AsyncSession, resources: Resources, episode_id: UUID, amount: MicroUsdc | None) -> Offer:
    episode = await quotes.demand_episode(session, episode_id)
    return await paying.offer(session, resources, kinds.for_episode(episode), amount)
