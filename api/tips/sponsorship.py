"""How much gas we pay for others: so much in a day, so much for one payer, and no longer queue than it can bear.

Counted in transactions. One takes 250,000 units of gas at most and never more than RELAYER_MAX_FEE_GWEI for a unit,
so a day's budget in ether is bounded too. Counted after the payer's signature is proven: nobody uses up another's part.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from api.rate_limits import Limit
from api.resources import Resources
from api.tips import errors
from api.wire import address_text
from relayer import outbox

_DAY_SECONDS = 86_400
_SECONDS_TO_WAIT = 10
"""Until a full queue is worth another look."""


async def demand(session: AsyncSession, held: Resources, payer: bytes) -> None:
    """Takes one transaction out of the budgets. Raises RelayerBusy and GaslessLimitReached."""
    settings = held.settings
    waiting = await outbox.backlog(session, "relayer")
    if waiting >= settings.gasless_queue:
        raise errors.RelayerBusy(
            f"{waiting} transactions are waiting to be sent.", headers={"Retry-After": str(_SECONDS_TO_WAIT)}
        )
    of_payer = Limit("gasless-tips-of-payer", settings.gasless_tips_per_payer, _DAY_SECONDS)
    standing = await held.limiter.hit(of_payer, address_text(payer))
    if standing is not None and not standing.allowed:
        raise errors.GaslessLimitReached(
            f"We pay the gas of {settings.gasless_tips_per_payer} tips of one wallet in 24 hours.",
            headers={"Retry-After": str(standing.reset_seconds)},
        )
    of_all = Limit("gasless-tips", settings.gasless_tips, _DAY_SECONDS)
    standing = await held.limiter.hit(of_all, "everybody")
    if standing is not None and not standing.allowed:
        raise errors.RelayerBusy(
            "Today's gas is spent.", headers={"Retry-After": str(max(_SECONDS_TO_WAIT, standing.reset_seconds))}
        )
