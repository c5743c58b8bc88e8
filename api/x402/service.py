"""Takes a payment, and waits for what the chain makes of it."""

import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from api.callers import Caller
from api.db import WriteSession
from api.errors import Problem
from api.live.feed import Feed
from api.resources import Resources
from api.tips import errors, queries, schemas, service, submissions, views
from api.tips.kinds import Payable
from api.tips.schemas import SignedAuthorization
from api.wire import address_text
from ledger.money import MicroUsdc

WAIT_SECONDS = 15.0
"""Several blocks of Base; then the answer is 202."""
_LOOK_SECONDS = 5.0
"""At the latest; at once when its split is announced. Each look is a dozen queries: fifty payers who wait and
look five times a second took most of a processor (`make bench-tips`)."""

REFUSALS: tuple[type[Problem], ...] = (*errors.VOID, errors.InsufficientBalance, errors.PayerBlacklisted)
"""By these the payment moved nothing, and cannot: to ask for another one is safe."""


async def take(
    session: WriteSession,
    held: Resources,
    caller: Caller | None,
    payable: Payable,
    given: SignedAuthorization,
    *,
    payment_id: str | None = None,
) -> schemas.Tip:
    """Hands the authorization to the relayer, or finds what became of it: the same payment again is the same tip.

    Raises one of REFUSALS, and what else `tips.service.submit` raises.
    """
    try:
        submitted = await service.submit(session, held, caller, payable, given, payment_id=payment_id)
    except errors.AuthorizationUsed:
        tip = await _paid_by(session, held, given)
        if tip is None:
            raise
        return tip
    return await views.of_submitted(session, held.deployment, submitted)


Outcome = Callable[[], Awaitable[schemas.Tip]]
"""Waits for it, with `settled`."""


async def settled(held: Resources, feed: Feed, tip: schemas.Tip, *, seen: int) -> schemas.Tip:
    """The tip as it is once its outcome is known, or after WAIT_SECONDS. No connection is held between two looks.

    `seen`: the feed's last event before the payment was committed, so that its split cannot be among those seen."""
    until = time.monotonic() + WAIT_SECONDS
    while tip.status == "pending" and time.monotonic() < until:
        seen = await _split_may_be_known(feed, seen, tip)
        tip = await _looked(held, tip)
    return tip


async def _split_may_be_known(feed: Feed, seen: int, tip: schemas.Tip) -> int:
    """Waits until a split after event `seen` may be this tip's, or _LOOK_SECONDS; answers which events it has seen."""
    payers = {None, address_text(tip.payer) if tip.payer else None}
    until = time.monotonic() + _LOOK_SECONDS
    while (left := until - time.monotonic()) > 0:
        events = await feed.after(seen)
        splits = (event for event in events if event.kind == "tip.split" and event.episode_id == tip.episode_id)
        seen = events[-1].id if events else seen
        if any(event.data["payer"] in payers for event in splits):
            return seen
        if not events:
            await feed.wait(left)
    return seen


async def _looked(held: Resources, tip: schemas.Tip) -> schemas.Tip:
    async with held.database.reading() as session:
        submitted = await submissions.submission(session, UUID(tip.id))
        return await views.of_submitted(session, held.deployment, submitted) if submitted else tip


async def _paid_by(session: WriteSession, held: Resources, given: SignedAuthorization) -> schemas.Tip | None:
    """The tip that this authorization has paid into the vault, whoever submitted it."""
    if given.to is None:
        return None
    amount = MicroUsdc(given.amount_micro_usdc)
    _, tip = await queries.paid_by(
        session, held.deployment, payer=given.payer, nonce=given.nonce, to=given.to, amount=amount
    )
    return (await views.of_tips(session, held.chain_id, [tip]))[0] if tip else None
