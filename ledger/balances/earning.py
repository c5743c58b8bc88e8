"""What an account earned, and what reached its wallet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances import finality
from ledger.balances.finality import Finality
from ledger.ids import PLATFORM_ID
from ledger.models import AGENT_HELD, CREATOR_HELD, PLATFORM_HELD, block, cursor, share_claimed, tip_split
from ledger.money import MicroUsdc

Role = Literal["creator", "platform", "agent"]


@dataclass(frozen=True)
class Earning:
    """What one account earned, by `key`: a date (ISO), a ref (0x-hex) or a role."""

    key: str
    tips: int
    earned_micro_usdc: MicroUsdc
    held_micro_usdc: MicroUsdc
    """The part that was held when it was tipped, whatever became of it later."""
    finality: Finality
    """Of the newest tip in it."""


async def earnings(
    session: AsyncSession,
    chain_id: int,
    account_id: bytes,
    *,
    group_by: Literal["day", "ref", "role"] = "day",
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Earning]:
    """Shares of every tip that named the account (PLATFORM_ID: the platform's), tipped in `since <= time < until`."""
    shares = _shares_of(chain_id, account_id).subquery()
    in_block = and_(block.c.chain_id == chain_id, block.c.number == shares.c.block_number)
    key = {
        "day": func.to_char(func.timezone("UTC", block.c.timestamp), "YYYY-MM-DD"),
        "ref": func.concat("0x", func.encode(shares.c.ref, "hex")),
        "role": shares.c.role,
    }[group_by].label("key")
    within = [block.c.timestamp >= since] if since else []
    within += [block.c.timestamp < until] if until else []
    sums = (
        select(
            key,
            func.count().label("tips"),
            func.sum(shares.c.amount).label("earned"),
            func.sum(case((shares.c.held, shares.c.amount), else_=0)).label("held"),
            func.max(shares.c.block_number).label("block_number"),
        )
        .join(block, in_block)
        .where(*within)
        .group_by(key)
        .subquery()
    )
    query = (
        select(sums.c.key, sums.c.tips, sums.c.earned, sums.c.held, finality.of(sums))
        .join(cursor, cursor.c.chain_id == chain_id)
        .order_by(sums.c.key)
    )
    return [
        Earning(key, count, MicroUsdc(int(earned)), MicroUsdc(int(held)), known)
        for key, count, earned, held, known in await session.execute(query)
    ]


@dataclass(frozen=True)
class Payout:
    """Money that reached the account's wallet: a share at the moment of the tip, or a claimed bucket later."""

    kind: Literal["share", "claim"]
    role: Role | None
    """None for a claim: a bucket may hold shares of several roles."""
    block_number: int
    log_index: int
    tx_hash: bytes
    block_timestamp: datetime
    ref: bytes | None
    wallet: bytes | None
    """None for the platform's share: it goes to the treasury of that moment."""
    amount_micro_usdc: MicroUsdc
    finality: Finality

    @property
    def key(self) -> tuple[int, int, str]:
        """Unique, and the order of the list: one tip pays an account twice when it is both creator and agent."""
        return self.block_number, self.log_index, self.role or ""


async def payouts(
    session: AsyncSession,
    chain_id: int,
    account_id: bytes,
    *,
    after: tuple[int, int, str] | None = None,
    limit: int = 50,
) -> list[Payout]:
    """Newest first. `after` is the `key` of the last one seen."""
    shares = _shares_of(chain_id, account_id).subquery()
    claims = share_claimed.c
    paid = union_all(
        select(
            literal("share").label("kind"),
            shares.c.role,
            shares.c.block_number,
            shares.c.log_index,
            shares.c.tx_hash,
            shares.c.ref,
            shares.c.wallet,
            shares.c.amount,
        ).where(~shares.c.held),
        select(
            literal("claim"),
            cast(null(), Text),
            claims.block_number,
            claims.log_index,
            claims.tx_hash,
            cast(null(), LargeBinary),
            claims.wallet,
            claims.amount_micro_usdc,
        ).where(claims.chain_id == chain_id, claims.account_id == account_id),
    ).subquery()
    place = (paid.c.block_number, paid.c.log_index, func.coalesce(paid.c.role, ""))
    query = (
        select(
            paid.c.kind,
            paid.c.role,
            paid.c.block_number,
            paid.c.log_index,
            paid.c.tx_hash,
            block.c.timestamp,
            paid.c.ref,
            paid.c.wallet,
            paid.c.amount,
            finality.of(paid),
        )
        .join(block, and_(block.c.chain_id == chain_id, block.c.number == paid.c.block_number))
        .join(cursor, cursor.c.chain_id == chain_id)
        .order_by(*(part.desc() for part in place))
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(*place) < after)
    return [Payout(*tuple[Any, ...](row)) for row in await session.execute(query)]


def _shares_of(chain_id: int, account_id: bytes) -> Any:
    """(role, block_number, log_index, tx_hash, ref, wallet, amount, held) of each share that is the account's."""
    tip = tip_split.c

    def leg(role: Role, amount: Any, wallet: Any, bit: int, whose: ColumnElement[bool]) -> Select[Any]:
        held = (tip.held_mask.op("&")(bit) != 0).label("held")
        place = (tip.block_number, tip.log_index, tip.tx_hash, tip.ref)
        return select(literal(role).label("role"), *place, wallet.label("wallet"), amount.label("amount"), held).where(
            tip.chain_id == chain_id, whose
        )

    if account_id == PLATFORM_ID:
        return leg(
            "platform", tip.platform_share_micro_usdc, cast(null(), LargeBinary), PLATFORM_HELD, literal(value=True)
        )
    return union_all(
        leg("creator", tip.creator_share_micro_usdc, tip.creator_wallet, CREATOR_HELD, tip.creator_id == account_id),
        leg("agent", tip.agent_share_micro_usdc, tip.agent_wallet, AGENT_HELD, tip.agent_id == account_id),
    )
