"""What an account earned, and what reached its wallet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances.finality import Finality
from ledger.facts import AGENT_HELD, CREATOR_HELD, PLATFORM_HELD
from ledger.ids import PLATFORM_ID
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
    of_platform = _PLATFORM_LINES_BY_REF if group_by == "ref" else _PLATFORM_LINES
    lines = of_platform if account_id == PLATFORM_ID else EARNED_LINES
    query = text(_EARNINGS.format(key=_KEYS[group_by], lines=lines))
    found = await session.execute(query, line_parameters(chain_id, [account_id], since, until))
    return [
        Earning(key, count, MicroUsdc(int(earned)), MicroUsdc(int(held)), known)
        for key, count, earned, held, known in found
    ]


def line_parameters(
    chain_id: int, accounts: Sequence[bytes], since: datetime | None = None, until: datetime | None = None
) -> dict[str, Any]:
    """What `EARNED_LINES` asks for: rollups of whole days, and single tips of a day that `since` or `until` cuts."""
    bounds = [each.astimezone(UTC) for each in (since, until) if each is not None]
    return {
        "chain_id": chain_id,
        "accounts": list(accounts),
        "since": since,
        "until": until,
        "first_day": _day_from(since) if since else date.min,
        "day_after": until.astimezone(UTC).date() if until else date.max,
        "cut_days": sorted({each.date() for each in bounds if each.time() != time()}),
    }


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
    block_number, log_index, role = after or _NEWEST
    place = {"block_number": block_number, "log_index": log_index, "role": role, "limit": limit}
    query = text(_PAYOUTS_OF_PLATFORM if account_id == PLATFORM_ID else _PAYOUTS)
    found = await session.execute(query, {"chain_id": chain_id, "account_id": account_id, **place})
    return [Payout(*tuple[Any, ...](row)) for row in found]


def _day_from(instant: datetime) -> date:
    """The first day (UTC) that begins then or later."""
    utc = instant.astimezone(UTC)
    return utc.date() + timedelta(days=utc.time() != time())


# ------------------------------------------------------------------------------------------------ one line, one sum

# Blocks whose tips are summed one by one: what is newer than the rollups, and the days that the caller cuts.
_STRETCHES = """
SELECT coalesce(max(rolled_up_number), -1) AS after, 9223372036854775807 AS until
  FROM ledger.rollup_cursor WHERE chain_id = :chain_id
UNION ALL
SELECT first_block_number - 1, last_block_number
  FROM ledger.day_rollup WHERE chain_id = :chain_id AND day = ANY(CAST(:cut_days AS date[]))"""

_ROLLED_UP = """
SELECT {account} AS account_id, '{role}' AS role, day, {ref} AS ref, tips, {role}_earned_micro_usdc AS earned,
       0 AS pending, {role}_held_micro_usdc AS held, last_block_number AS block_number
  FROM ledger.{table} WHERE chain_id = :chain_id AND {whose} AND day >= :first_day AND day < :day_after"""

# LATERAL, OFFSET and the subquery keep it a walk along indexes: how short a stretch is, no statistics tell.
_ONE_BY_ONE = """
SELECT account_id, '{role}', CAST(timezone('UTC', timestamp) AS date), ref, 1, {role}_share_micro_usdc,
       CASE WHEN tip.block_number > finalized_number THEN {role}_share_micro_usdc ELSE 0 END,
       CASE WHEN held_mask & {bit} <> 0 THEN {role}_share_micro_usdc ELSE 0 END, tip.block_number
  FROM stretch CROSS JOIN {accounts} CROSS JOIN LATERAL (
    SELECT tip_split.*, (SELECT timestamp FROM ledger.block WHERE block.chain_id = :chain_id AND number = block_number)
      FROM ledger.tip_split
     WHERE chain_id = :chain_id AND block_number > stretch.after AND block_number <= stretch.until AND {whose}
    OFFSET 0) tip
  JOIN ledger.cursor ON cursor.chain_id = tip.chain_id
 WHERE (CAST(:since AS timestamptz) IS NULL OR timestamp >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR timestamp < :until)"""


def _lines(*legs: str) -> str:
    return f"WITH stretch AS ({_STRETCHES}) {' UNION ALL '.join(legs)}"


def _rolled_up(role: Role) -> str:
    whose = f"{role}_id = ANY(:accounts)"
    return _ROLLED_UP.format(account=f"{role}_id", role=role, ref="ref", table="tip_rollup", whose=whose)


def _one_by_one(role: Role, bit: int) -> str:
    accounts = "(SELECT unnest(CAST(:accounts AS bytea[])) AS account_id) account"
    return _ONE_BY_ONE.format(role=role, bit=bit, accounts=accounts, whose=f"{role}_id = account_id")


def _of_platform(*, ref: str, table: str) -> str:
    nobody = "CAST(NULL AS bytea)"
    return _lines(
        _ROLLED_UP.format(account=nobody, role="platform", ref=ref, table=table, whose="TRUE"),
        _ONE_BY_ONE.format(
            role="platform", bit=PLATFORM_HELD, accounts=f"(SELECT {nobody} AS account_id) account", whose="TRUE"
        ),
    )


EARNED_LINES = _lines(
    _rolled_up("creator"),
    _rolled_up("agent"),
    _one_by_one("creator", CREATOR_HELD),
    _one_by_one("agent", AGENT_HELD),
)
"""What `:accounts` earned: (account_id, role, day, ref, tips, earned, pending, held, block_number), to be summed.

`pending` is the part of `earned` in blocks that may still be reorganised away; `block_number` is the newest tip's. The
rollups and the tips that are newer are read in the snapshot of the one statement that this is part of.
"""

_PLATFORM_LINES = _of_platform(ref="NULL", table="day_rollup")
_PLATFORM_LINES_BY_REF = _of_platform(ref="ref", table="tip_rollup")

_KEYS = {"day": "to_char(day, 'YYYY-MM-DD')", "ref": "concat('0x', encode(ref, 'hex'))", "role": "role"}

_FINALITY = """CASE WHEN {of} <= finalized_number THEN 'finalized'
            WHEN {of} <= safe_number THEN 'safe' ELSE 'unsafe' END"""

_EARNINGS = f"""
SELECT key, tips, earned, held, {_FINALITY.format(of="block_number")}
  FROM (SELECT {{key}} AS key, sum(tips) AS tips, sum(earned) AS earned, sum(held) AS held,
               max(block_number) AS block_number FROM ({{lines}}) line GROUP BY 1) summed
  JOIN ledger.cursor ON cursor.chain_id = :chain_id
 ORDER BY key"""  # noqa: S608 - constants only

# ------------------------------------------------------------------------------------------- what reached the wallet

_NEWEST = (2**62, 0, "")

# Each kind is cut to a page by itself, along its index, before they are put in order.
_SHARES_PAID = """
(SELECT 'share' AS kind, '{role}' AS role, block_number, log_index, tx_hash, ref, {wallet} AS wallet,
        {role}_share_micro_usdc AS amount FROM ledger.tip_split
  WHERE chain_id = :chain_id AND {whose} AND held_mask & {bit} = 0 AND block_number <= :block_number
    AND (block_number, log_index, '{role}') < (:block_number, :log_index, CAST(:role AS text))
  ORDER BY block_number DESC, log_index DESC LIMIT :limit)"""

_CLAIMS_PAID = """
(SELECT 'claim', NULL, block_number, log_index, tx_hash, NULL, wallet, amount_micro_usdc FROM ledger.share_claimed
  WHERE chain_id = :chain_id AND account_id = :account_id
    AND (block_number, log_index, '') < (:block_number, :log_index, CAST(:role AS text))
  ORDER BY block_number DESC, log_index DESC LIMIT :limit)"""


def _paid(*legs: str) -> str:
    return f"""
SELECT kind, role, paid.block_number, log_index, tx_hash, block.timestamp, ref, wallet, amount,
       {_FINALITY.format(of="paid.block_number")}
  FROM ({" UNION ALL ".join(legs)}) paid
  JOIN ledger.block ON block.chain_id = :chain_id AND block.number = paid.block_number
  JOIN ledger.cursor ON cursor.chain_id = :chain_id
 ORDER BY paid.block_number DESC, log_index DESC, coalesce(role, '') DESC
 LIMIT :limit"""  # noqa: S608 - constants only


_PAYOUTS = _paid(
    _SHARES_PAID.format(role="creator", wallet="creator_wallet", whose="creator_id = :account_id", bit=CREATOR_HELD),
    _SHARES_PAID.format(role="agent", wallet="agent_wallet", whose="agent_id = :account_id", bit=AGENT_HELD),
    _CLAIMS_PAID,
)
_PAYOUTS_OF_PLATFORM = _paid(
    _SHARES_PAID.format(role="platform", wallet="CAST(NULL AS bytea)", whose="TRUE", bit=PLATFORM_HELD), _CLAIMS_PAID
)
