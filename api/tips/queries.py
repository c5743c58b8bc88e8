"""Reads of tips from the ledger: which there are, who brought the money, what was held, what a payment became."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ledger import balances
from ledger.balances import AuthorizationUse, Tip
from ledger.deployment import Deployment
from ledger.models import share_held, tip_split, usdc_transfer, vault_flushed
from ledger.money import MicroUsdc


@dataclass(frozen=True)
class Contribution:
    """One Transfer into a vault, split by the flush that came next.

    Shares belong to the flush, not to its contributions: floors do not add up.
    """

    payer: bytes
    amount: MicroUsdc
    tx_hash: bytes
    log_index: int
    block_number: int


@dataclass(frozen=True)
class Hold:
    """A share that was held."""

    account_id: bytes
    reason: str
    expires_at: datetime


# Tips of a flush that came after a payer's transfer into its vault.
_FLUSHED_OF_PAYER = """
WITH flushed_of_payer AS MATERIALIZED (
  SELECT DISTINCT split.block_number, split.log_index
    FROM (SELECT * FROM ledger.usdc_transfer WHERE from_address = :payer OFFSET 0) paid
    CROSS JOIN LATERAL (
      SELECT f.block_number, f.log_index, f.tx_hash FROM ledger.vault_flushed f
       WHERE f.chain_id = paid.chain_id AND f.vault = paid.to_address
         AND (f.block_number, f.log_index) > (paid.block_number, paid.log_index)
       ORDER BY f.block_number, f.log_index LIMIT 1) flush
    CROSS JOIN LATERAL (
      SELECT s.block_number, s.log_index FROM ledger.tip_split s
       WHERE s.chain_id = paid.chain_id AND s.block_number = flush.block_number AND s.tx_hash = flush.tx_hash
         AND s.log_index > flush.log_index
       ORDER BY s.log_index LIMIT 1) split
   WHERE paid.chain_id = :chain_id AND (split.block_number, split.log_index) < (:block_number, :log_index)
)"""

# One way in which a tip may be wanted, cut to a page along an index before the ways are put together.
_LEG = """
(SELECT * FROM {source} WHERE chain_id = :chain_id AND block_number <= :block_number
    AND (block_number, log_index) < (:block_number, :log_index) AND {wanted}
  ORDER BY block_number DESC, log_index DESC LIMIT :limit)"""

_TIPS = """
SELECT tip.chain_id, tip.block_number, tip.log_index, tip.tx_hash, ref, creator_id, agent_id, payer, amount_micro_usdc,
       creator_share_micro_usdc, platform_share_micro_usdc, agent_share_micro_usdc, creator_wallet, agent_wallet,
       held_mask, rail, block.hash, block.timestamp,
       CASE WHEN tip.block_number <= finalized_number THEN 'finalized'
            WHEN tip.block_number <= safe_number THEN 'safe' ELSE 'unsafe' END
  FROM ({legs}) tip
  JOIN ledger.block ON block.chain_id = tip.chain_id AND block.number = tip.block_number
  JOIN ledger.cursor ON cursor.chain_id = tip.chain_id
 ORDER BY tip.block_number {order}, tip.log_index {order}
 LIMIT :limit
"""
_FINAL = """
SELECT tip_split.* FROM ledger.tip_split JOIN ledger.cursor USING (chain_id)
 WHERE chain_id = :chain_id AND (block_number, log_index) > (:block_number, :log_index)
   AND block_number <= finalized_number
 ORDER BY block_number, log_index LIMIT :limit"""
_NEWEST = (2**62, 0)
_ALL_TIPS = "ledger.tip_split"
_TIPS_OF_FLUSHES = (
    "(SELECT tip_split.* FROM ledger.tip_split JOIN flushed_of_payer USING (block_number, log_index)) split"
)


async def tips(
    session: AsyncSession,
    chain_id: int,
    *,
    ref: bytes | None = None,
    account_id: bytes | None = None,
    payer: bytes | None = None,
    tx_hash: bytes | None = None,
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> list[Tip]:
    """Newest first. A payer's tips are those that name it and the flushes that its transfers went into.

    `account_id` is the creator or the agent; `after` is (block_number, log_index) of the last one seen.
    """
    block_number, log_index = after or _NEWEST
    wanted = {"ref": ref, "account_id": account_id, "payer": payer, "tx_hash": tx_hash}
    place = {"chain_id": chain_id, "block_number": block_number, "log_index": log_index, "limit": limit}
    given = {name: value for name, value in wanted.items() if value is not None}
    return [Tip(*tuple[Any, ...](row)) for row in await session.execute(text(_tips_by(set(given))), given | place)]


async def final_tips(session: AsyncSession, chain_id: int, *, after: tuple[int, int], limit: int) -> list[Tip]:
    """Oldest first: what no reorganisation can take back. `after` is (block_number, log_index) of the last one."""
    values = {"chain_id": chain_id, "block_number": after[0], "log_index": after[1], "limit": limit}
    rows = await session.execute(text(_TIPS.format(legs=_FINAL, order="ASC")), values)
    return [Tip(*tuple[Any, ...](row)) for row in rows]


def _tips_by(given: set[str]) -> str:
    """The query by these of ref, account_id, payer and tx_hash: a leg for each way to be an account's or a payer's."""
    also = [f"{name} = :{name}" for name in ("ref", "tx_hash") if name in given]
    accounts = ["creator_id = :account_id", "agent_id = :account_id"] if "account_id" in given else ["TRUE"]
    payers = [(_ALL_TIPS, "TRUE")]
    if "payer" in given:
        payers = [(_ALL_TIPS, "payer = :payer"), (_TIPS_OF_FLUSHES, "TRUE")]
    legs = [
        _LEG.format(source=source, wanted=" AND ".join([*also, account, paid]))
        for account in accounts
        for source, paid in payers
    ]
    query = _TIPS.format(legs=" UNION ".join(legs), order="DESC")
    return _FLUSHED_OF_PAYER + query if "payer" in given else query


async def contributions(session: AsyncSession, tip: Tip) -> list[Contribution]:
    """What lay in the vault when it was flushed into `tip`, in order of arrival. Empty when no vault was involved."""
    flush = await _flush_of(session, tip)
    if flush is None:
        return []
    vault, log_index = flush
    paid = usdc_transfer.c
    here = tuple_(paid.block_number, paid.log_index)
    query = (
        select(paid.from_address, paid.amount_micro_usdc, paid.tx_hash, paid.log_index, paid.block_number)
        .where(paid.chain_id == tip.chain_id, paid.to_address == vault, paid.amount_micro_usdc > 0)
        .where(here < (tip.block_number, log_index))
        .order_by(paid.block_number, paid.log_index)
    )
    before = await _flushed_before(session, tip.chain_id, vault, (tip.block_number, log_index))
    if before is not None:
        query = query.where(here > before)
    return [Contribution(p, MicroUsdc(a), h, i, b) for p, a, h, i, b in await session.execute(query)]


async def paid_by(
    session: AsyncSession, deployment: Deployment, *, payer: bytes, nonce: bytes, to: bytes, amount: MicroUsdc
) -> tuple[bool, Tip | None]:
    """Whether this authorization has paid, whoever submitted it, and the tip that it became.

    Decided by `AuthorizationUsed` and the Transfer that follows it, never by `authorizationState`, which a cancellation
    sets too. Paid into a vault, the tip is the next flush of that vault: None until then.
    """
    use = await balances.authorization(session, deployment.chain_id, payer, nonce)
    if use is None or (use.transfer_to, use.transfer_amount_micro_usdc) != (to, amount):
        return False, None
    return True, await _tip_of(session, deployment, use, payer=payer)


async def _tip_of(session: AsyncSession, deployment: Deployment, use: AuthorizationUse, *, payer: bytes) -> Tip | None:
    chain_id = deployment.chain_id
    if use.transfer_to == deployment.splitter_bytes:
        return await _first_tip(session, chain_id, use.tx_hash, after_log=use.log_index, payer=payer)
    flush = vault_flushed.c
    found = (
        await session.execute(
            select(flush.tx_hash, flush.log_index)
            .where(flush.chain_id == chain_id, flush.vault == use.transfer_to)
            .where(tuple_(flush.block_number, flush.log_index) > (use.block_number, use.log_index))
            .order_by(flush.block_number, flush.log_index)
            .limit(1)
        )
    ).one_or_none()
    return await _first_tip(session, chain_id, found.tx_hash, after_log=found.log_index) if found else None


async def holds_of(session: AsyncSession, tips: Sequence[Tip]) -> dict[tuple[bytes, int], list[Hold]]:
    """By (tx hash, log index) of the tip: the shares it held, in the contract's order (creator, platform, agent).

    The contract tells of a tip's holds right before the tip itself, so each belongs to the next tip of its transaction.
    """
    if not tips:
        return {}
    held, following = share_held.c, tip_split.alias("following").c
    next_tip = (
        select(func.min(following.log_index))
        .where(following.chain_id == held.chain_id, following.block_number == held.block_number)
        .where(following.tx_hash == held.tx_hash, following.log_index > held.log_index)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(held.tx_hash, next_tip.label("tip"), held.account_id, held.reason, held.expires_at)
        .where(held.chain_id == tips[0].chain_id, held.block_number.in_({tip.block_number for tip in tips}))
        .where(held.tx_hash.in_({tip.tx_hash for tip in tips}))
        .order_by(held.block_number, held.log_index)
    )
    found: dict[tuple[bytes, int], list[Hold]] = {}
    for row in rows:
        found.setdefault((row.tx_hash, row.tip), []).append(Hold(row.account_id, row.reason, row.expires_at))
    return found


async def wallets_ever_of(session: AsyncSession, chain_id: int, accounts: Sequence[bytes]) -> dict[bytes, set[bytes]]:
    """Every wallet that each account ever had: paying oneself from an old one is paying oneself."""
    rows = await session.execute(
        text(
            """SELECT DISTINCT account_id, wallet FROM ledger.wallet_event
            WHERE chain_id = :chain_id AND kind = 'set' AND account_id = ANY(:accounts)"""
        ),
        {"chain_id": chain_id, "accounts": list(accounts)},
    )
    found: dict[bytes, set[bytes]] = {}
    for account_id, wallet in rows:
        found.setdefault(account_id, set()).add(wallet)
    return found


async def settings_since(session: AsyncSession, chain_id: int, event: str, argument: str) -> list[tuple[int, int, str]]:
    """(block_number, log_index, value) of each change of one of the contract's settings, oldest first."""
    rows = await session.execute(
        text(
            """SELECT block_number, log_index, args ->> :argument FROM ledger.contract_event
            WHERE chain_id = :chain_id AND name = :event ORDER BY block_number, log_index"""
        ),
        {"chain_id": chain_id, "event": event, "argument": argument},
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def newest_transfer_into(session: AsyncSession, chain_id: int, vault: bytes) -> tuple[bytes, int] | None:
    """(block hash, log index): names what a flush would be for, also after a reorganisation."""
    row = (
        await session.execute(
            text(
                """SELECT block.hash, log_index FROM ledger.usdc_transfer paid
                JOIN ledger.block ON block.chain_id = paid.chain_id AND block.number = paid.block_number
                WHERE paid.chain_id = :chain_id AND to_address = :vault
                ORDER BY paid.block_number DESC, log_index DESC LIMIT 1"""
            ),
            {"chain_id": chain_id, "vault": vault},
        )
    ).one_or_none()
    return (row.hash, row.log_index) if row else None


async def _flush_of(session: AsyncSession, tip: Tip) -> tuple[bytes, int] | None:
    """(vault, log index) of the VaultFlushed that `tip` follows."""
    flush = vault_flushed.c
    row = (
        await session.execute(
            select(flush.vault, flush.log_index)
            .where(flush.chain_id == tip.chain_id, flush.block_number == tip.block_number)
            .where(flush.tx_hash == tip.tx_hash, flush.log_index < tip.log_index, flush.ref == tip.ref)
            .where(flush.log_index > await _previous_tip(session, tip))
            .order_by(flush.log_index.desc())
            .limit(1)
        )
    ).one_or_none()
    return (row.vault, row.log_index) if row else None


async def _previous_tip(session: AsyncSession, tip: Tip) -> int:
    """The log index of the tip before, in the same transaction; -1 when there is none."""
    earlier = tip_split.c
    found: int | None = await session.scalar(
        select(func.max(earlier.log_index)).where(
            earlier.chain_id == tip.chain_id,
            earlier.block_number == tip.block_number,
            earlier.tx_hash == tip.tx_hash,
            earlier.log_index < tip.log_index,
        )
    )
    return -1 if found is None else found


async def _flushed_before(
    session: AsyncSession, chain_id: int, vault: bytes, place: tuple[int, int]
) -> tuple[int, int] | None:
    flush = vault_flushed.c
    row = (
        await session.execute(
            select(flush.block_number, flush.log_index)
            .where(flush.chain_id == chain_id, flush.vault == vault)
            .where(tuple_(flush.block_number, flush.log_index) < place)
            .order_by(flush.block_number.desc(), flush.log_index.desc())
            .limit(1)
        )
    ).one_or_none()
    return (row.block_number, row.log_index) if row else None


async def _first_tip(
    session: AsyncSession, chain_id: int, tx_hash: bytes, *, after_log: int, payer: bytes | None = None
) -> Tip | None:
    found = await balances.tips_by_tx(session, chain_id, tx_hash)
    return next((t for t in found if t.log_index > after_log and payer in {None, t.payer}), None)
