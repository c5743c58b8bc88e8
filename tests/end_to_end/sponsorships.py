"""The example of docs/paying.md: a kind of payment that the platform does not have. A brand sponsors a series.

All of it: a table of our own, the kind, and one endpoint. Ledger, contract, relayer and indexer know nothing of it.
"""

from collections.abc import Sequence
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api import edge
from api.callers import MaybeCaller
from api.db import Writing
from api.errors import NotFound, problems
from api.resources import Held
from api.tips import schemas
from api.tips.kinds import Kind, Payable
from api.x402 import paying

MIGRATION = """
CREATE TABLE app.sponsorship (
    id         uuid    PRIMARY KEY,
    slogan     text    NOT NULL,
    creator_id uuid    NOT NULL,
    agent_id   uuid    NOT NULL REFERENCES app.agent (account_id),
    ref        bytea   NOT NULL UNIQUE,
    vault      bytea   NOT NULL UNIQUE
);
GRANT SELECT ON app.sponsorship TO molt_api;
"""
_SPONSORSHIP = "SELECT id, slogan, creator_id, agent_id, vault FROM app.sponsorship"


async def of_id(session: AsyncSession, sponsorship_id: UUID) -> Payable | None:
    return next(iter(await _where(session, "id = :value", sponsorship_id)), None)


async def of_refs(session: AsyncSession, refs: Sequence[bytes]) -> Sequence[Payable]:
    return await _where(session, "ref = ANY(:value)", list(refs))


async def of_vault(session: AsyncSession, chain_id: int, vault: bytes) -> Payable | None:
    return next(iter(await _where(session, "vault = :value", vault)), None)


async def _where(session: AsyncSession, condition: str, value: object) -> list[Payable]:
    rows = await session.execute(text(f"{_SPONSORSHIP} WHERE {condition}"), {"value": value})
    return [Payable(SPONSORSHIP, *row) for row in rows]


SPONSORSHIP = Kind(
    name="sponsorship",
    path="/api/v1/sponsorships/{id}/payment",
    description="A sponsorship: 80 % to the creator, 19 % to the platform, 1 % to the agent, in one transaction.",
    of_refs=of_refs,
    of_vault=of_vault,
)
router = edge.router(tags=["sponsorships"])


@router.post(
    "/sponsorships/{sponsorship_id}/payment",
    operation_id="paySponsorship",
    response_model=schemas.Tip,
    responses={202: {"model": schemas.Tip}, **problems(NotFound, *paying.PROBLEMS)},
)
async def pay(
    *,
    session: Writing,
    resources: Held,
    caller: MaybeCaller,
    request: Request,
    sponsorship_id: UUID,
    amount: schemas.AskedAmount = None,
) -> Response:
    """Pays by x402."""
    sponsorship = await of_id(session, sponsorship_id)
    if sponsorship is None:
        raise NotFound
    offer = await paying.offer(session, resources, sponsorship, amount)
    return await paying.paid(session, resources, caller, request, offer)
