"""Reads of what accounts earned and received, from the ledger. Amounts are micro-USDC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ledger import balances
from ledger.balances import EarnedBy, Finality
from ledger.facts import AGENT_HELD, CREATOR_HELD
from ledger.money import MicroUsdc

Kind = Literal["share", "held", "claim", "sweep"]
"""
- share: paid to the wallet in the transaction of the tip
- held: kept in the contract instead, until `expires_at`
- claim: a bucket paid to the wallet later
- sweep: a bucket that expired and went to the treasury
"""
Role = Literal["creator", "agent"]
GroupBy = Literal["day", "series", "episode", "role", "rail", "payer"]
RolledUp = Literal["day", "series", "episode", "role"]
"""What the rollups keep apart."""


@dataclass(frozen=True)
class Movement:
    """One thing that happened to an account's money."""

    kind: Kind
    account_id: bytes
    role: Role | None
    """None for claims and sweeps: a bucket may hold shares of several roles."""
    amount_micro_usdc: MicroUsdc
    wallet: bytes | None
    """Where it went; None while held."""
    ref: bytes | None
    reason: str | None
    expires_at: datetime | None
    block_number: int
    log_index: int
    tx_hash: bytes
    block_timestamp: datetime
    finality: Finality

    @property
    def key(self) -> tuple[int, int, str]:
        """Unique, and the order of the list: one tip may pay an account as creator and as agent."""
        return self.block_number, self.log_index, self.role or ""


@dataclass(frozen=True)
class Totals:
    """All that one account ever earned, and where it is. earned = paid + claimed + swept + unclaimed."""

    account_id: bytes
    earned_micro_usdc: MicroUsdc
    paid_micro_usdc: MicroUsdc
    claimed_micro_usdc: MicroUsdc
    swept_micro_usdc: MicroUsdc
    unclaimed_micro_usdc: MicroUsdc
    pending_micro_usdc: MicroUsdc
    """The part of `earned` in blocks that are not final yet."""


# Each kind is cut to a page by itself, account by account along its index. Shares are cut before the held ones are left
# out: a held share is told of by a log of its own, right before its tip's, so that no page lacks what it should have.
_PAGE = "ORDER BY block_number DESC, log_index DESC LIMIT :limit"

_SHARES = """
SELECT 'share' AS kind, account_id, '{role}' AS role, amount, wallet, ref, NULL AS reason,
       NULL::timestamptz AS expires_at, block_number, log_index, tx_hash FROM account CROSS JOIN LATERAL (
  SELECT {role}_share_micro_usdc AS amount, {role}_wallet AS wallet, held_mask, ref, block_number, log_index, tx_hash
    FROM ledger.tip_split
   WHERE chain_id = :chain_id AND {role}_id = account_id AND block_number <= :block_number
     AND (block_number, log_index, '{role}') < (:block_number, :log_index, CAST(:role AS text)) {page}) share
 WHERE held_mask & {bit} = 0"""

_OTHERS = """
SELECT '{kind}', account.account_id, NULL, amount_micro_usdc, {wallet}, {ref}, {reason}, expires_at,
       block_number, log_index, tx_hash FROM account CROSS JOIN LATERAL (
  SELECT * FROM ledger.{table} fact
   WHERE chain_id = :chain_id AND fact.account_id = account.account_id AND block_number <= :block_number
     AND (block_number, log_index, '') < (:block_number, :log_index, CAST(:role AS text)) {page}) fact"""

_MOVEMENTS = f"""
WITH account AS (SELECT unnest(CAST(:accounts AS bytea[])) AS account_id), movement AS (
  {_SHARES.format(role="creator", bit=CREATOR_HELD, page=_PAGE)}
  UNION ALL
  {_SHARES.format(role="agent", bit=AGENT_HELD, page=_PAGE)}
  UNION ALL
  {_OTHERS.format(kind="held", table="share_held", wallet="NULL", ref="ref", reason="reason", page=_PAGE)}
  UNION ALL
  {_OTHERS.format(kind="claim", table="share_claimed", wallet="wallet", ref="NULL", reason="NULL", page=_PAGE)}
  UNION ALL
  {_OTHERS.format(kind="sweep", table="share_swept", wallet="treasury", ref="NULL", reason="NULL", page=_PAGE)}
)
SELECT kind, account_id, role, amount, wallet, ref, reason, expires_at, m.block_number, log_index, tx_hash,
       block.timestamp, CASE WHEN m.block_number <= finalized_number THEN 'finalized'
                             WHEN m.block_number <= safe_number THEN 'safe' ELSE 'unsafe' END AS finality
  FROM movement m
  JOIN ledger.block ON block.chain_id = :chain_id AND block.number = m.block_number
  JOIN ledger.cursor ON cursor.chain_id = :chain_id
 ORDER BY m.block_number DESC, log_index DESC, coalesce(role, '') DESC
 LIMIT :limit
"""  # noqa: S608 - constants only

_NEWEST = (2**62, 0, "")


async def movements(
    session: AsyncSession,
    chain_id: int,
    accounts: Sequence[bytes],
    *,
    after: tuple[int, int, str] | None = None,
    limit: int = 50,
) -> list[Movement]:
    """Newest first. `after` is the `key` of the last one seen."""
    block_number, log_index, role = after or _NEWEST
    place = {"block_number": block_number, "log_index": log_index, "role": role}
    rows = await session.execute(text(_MOVEMENTS), {**_of(chain_id, accounts), **place, "limit": limit})
    return [Movement(*tuple[Any, ...](row)) for row in rows]


_KEYS: dict[RolledUp, str] = {
    "day": "to_char(day, 'YYYY-MM-DD')",
    "series": "episode.series_id::text",
    "episode": "episode.id::text",
    "role": "role",
}

_EARNED = f"""
SELECT {{key}} AS key, sum(tips), sum(earned - pending), sum(pending), sum(held)
  FROM ({balances.EARNED_LINES}) line
  LEFT JOIN app.episode ON line.ref = episode.ref
 GROUP BY 1 ORDER BY 1 NULLS LAST
"""  # noqa: S608 - constants only


async def earned(
    session: AsyncSession,
    chain_id: int,
    accounts: Sequence[bytes],
    *,
    group_by: RolledUp,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[EarnedBy]:
    """Shares of every tip that named one of the accounts, tipped in `since <= time < until`."""
    query = text(_EARNED.format(key=_KEYS[group_by]))
    rows = await session.execute(query, balances.line_parameters(chain_id, accounts, since, until))
    return [EarnedBy(key, int(tips), *(MicroUsdc(int(amount)) for amount in amounts)) for key, tips, *amounts in rows]


_TOTALS = f"""
WITH account AS (SELECT unnest(CAST(:accounts AS bytea[])) AS account_id), earned AS (
  SELECT account_id, sum(earned) AS earned, sum(held) AS held, sum(pending) AS pending
    FROM ({balances.EARNED_LINES}) line GROUP BY account_id
)
SELECT account_id, coalesce(earned, 0), coalesce(earned - held, 0),
       (SELECT coalesce(sum(amount_micro_usdc), 0) FROM ledger.share_claimed c
         WHERE c.chain_id = :chain_id AND c.account_id = account.account_id),
       (SELECT coalesce(sum(amount_micro_usdc), 0) FROM ledger.share_swept w
         WHERE w.chain_id = :chain_id AND w.account_id = account.account_id),
       coalesce(pending, 0)
  FROM account LEFT JOIN earned USING (account_id)
"""  # noqa: S608 - constants only


async def totals(session: AsyncSession, chain_id: int, accounts: Sequence[bytes]) -> dict[bytes, Totals]:
    """By account, zeros included."""
    found = {}
    for account_id, *amounts in await session.execute(text(_TOTALS), balances.line_parameters(chain_id, accounts)):
        all_earned, paid, claimed, swept, pending = (MicroUsdc(int(amount)) for amount in amounts)
        unclaimed = MicroUsdc(all_earned - paid - claimed - swept)
        found[account_id] = Totals(account_id, all_earned, paid, claimed, swept, unclaimed, pending)
    return found


@dataclass(frozen=True)
class LiveBucket:
    """A bucket of one of our accounts that can still be claimed."""

    account_id: UUID
    expires_at: datetime
    amount_micro_usdc: MicroUsdc
    for_want_of_a_wallet: bool
    """Some of it was held because there was no wallet."""


async def live_buckets(session: AsyncSession, chain_id: int, now: datetime) -> list[LiveBucket]:
    """Every bucket of our accounts that is not empty and has not expired at `now` (the chain's time).

    Of accounts that exist here; PLATFORM_ID and strangers' ids name none.
    """
    found = await balances.live_buckets(session, chain_id, now)
    named = text(
        """SELECT id, ref FROM app.account
        JOIN unnest(CAST(:accounts AS bytea[])) ref ON account.id = encode(substring(ref FROM 17), 'hex')::uuid
        WHERE substring(ref FOR 16) = decode(repeat('00', 16), 'hex')"""
    )
    rows = await session.execute(named, {"accounts": list({bucket.account_id for bucket in found})})
    ours: dict[bytes, UUID] = {account_id: uuid for uuid, account_id in rows}
    return [
        LiveBucket(ours[b.account_id], b.expires_at, b.amount_micro_usdc, "no_wallet" in b.reasons)
        for b in found
        if b.account_id in ours
    ]


async def accounts_to_claim_for(session: AsyncSession, chain_id: int, now: datetime) -> list[UUID]:
    """Those that were held shares for want of a wallet. Whether they have one now is another question."""
    buckets = await live_buckets(session, chain_id, now)
    return sorted({bucket.account_id for bucket in buckets if bucket.for_want_of_a_wallet})


async def expiries_tried_today(session: AsyncSession, chain_id: int, account_id: UUID) -> set[int]:
    """Of the claims that we sent in the last 24 hours."""
    rows = await session.scalars(
        text(
            """SELECT unnest(expiries) FROM app.claim WHERE chain_id = :chain_id AND account_id = :account_id
            AND created_at > now() - interval '1 day'"""
        ),
        {"chain_id": chain_id, "account_id": account_id},
    )
    return set(rows)


def _of(chain_id: int, accounts: Sequence[bytes]) -> dict[str, Any]:
    return {"chain_id": chain_id, "accounts": list(accounts)}
