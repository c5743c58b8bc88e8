"""What payouts look like, put together from the ledger's facts and the caller's accounts."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api.accounts.queries import PayoutAccount
from api.payouts import claims, queries, rules, schemas
from api.payouts.queries import Movement
from api.production import queries as production
from api.production.queries import Episode
from api.wire import address_text, hex_text
from ledger import balances, ids
from ledger.balances import EarnedBy
from ledger.money import MicroUsdc

OTHER = "other"
_OPENS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def of_movements(session: AsyncSession, movements: Sequence[Movement]) -> list[schemas.Payout]:
    refs = [movement.ref for movement in movements if movement.ref is not None]
    episodes = await production.episodes_by_ref(session, refs)
    return [_payout(movement, episodes) for movement in movements]


async def unclaimed(
    session: AsyncSession, chain_id: int, accounts: Sequence[PayoutAccount], now: datetime
) -> schemas.UnclaimedList:
    """Every bucket of the accounts, the first to expire first."""
    shown: list[schemas.Unclaimed] = []
    for account in accounts:
        shown += await _unclaimed_of(session, chain_id, account.id, now)
    shown.sort(key=lambda bucket: (bucket.expires_at, bucket.account_id))
    claimable = sum(bucket.amount_micro_usdc for bucket in shown if bucket.to_do != "expired")
    return schemas.UnclaimedList(total_micro_usdc=MicroUsdc(claimable), data=shown)


async def wallet_summary(
    session: AsyncSession, chain_id: int, accounts: Sequence[PayoutAccount]
) -> schemas.WalletSummary:
    """Account by account, and in all."""
    totals = await queries.totals(session, chain_id, [ids.account_id(account.id) for account in accounts])
    shown = [await _wallet_account(session, chain_id, each, totals[ids.account_id(each.id)]) for each in accounts]
    return schemas.WalletSummary(
        accounts=shown,
        earned_micro_usdc=MicroUsdc(sum(each.earned_micro_usdc for each in shown)),
        received_micro_usdc=MicroUsdc(sum(each.paid_micro_usdc + each.claimed_micro_usdc for each in shown)),
        unclaimed_micro_usdc=MicroUsdc(sum(each.unclaimed_micro_usdc for each in shown)),
    )


def of_claim(claim: claims.Claim) -> schemas.Claim:
    return schemas.Claim(
        id=claim.id,
        account_id=claim.account_id,
        amount_micro_usdc=claim.amount,
        expiries=claim.expiries,
        status=claim.status,
        claimed_micro_usdc=claim.claimed,
        finality=claim.finality,
        tx_hash=claim.tx_hash,
        refusal=claim.refusal if claim.status == "refused" else None,
        requested_by_platform=claim.requested_by is None,
        created_at=claim.created_at,
    )


def earning(line: EarnedBy) -> schemas.Earning:
    return _earning(line.key or OTHER, line)


def of_payer(line: EarnedBy) -> schemas.Earning:
    return _earning(address_text(bytes.fromhex(line.key[2:])) if line.key else OTHER, line)


def total(lines: Sequence[EarnedBy]) -> schemas.Earning:
    return schemas.Earning(
        key="total",
        tips=sum(line.tips for line in lines),
        final_micro_usdc=MicroUsdc(sum(line.final_micro_usdc for line in lines)),
        pending_micro_usdc=MicroUsdc(sum(line.pending_micro_usdc for line in lines)),
        total_micro_usdc=MicroUsdc(sum(line.final_micro_usdc + line.pending_micro_usdc for line in lines)),
        held_micro_usdc=MicroUsdc(sum(line.held_micro_usdc for line in lines)),
    )


def as_csv(rows: Sequence[BaseModel], of: type[BaseModel]) -> str:
    """The rows of `data`, with the same columns and figures."""
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(of.model_fields), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.model_dump(mode="json").items()} for row in rows)
    return table.getvalue()


def _cell(value: object) -> object:
    """What a spreadsheet would run as a formula gets an apostrophe before it: titles are written by strangers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_OPENS_FORMULA) else value


def _earning(key: str, line: EarnedBy) -> schemas.Earning:
    return schemas.Earning(
        key=key,
        tips=line.tips,
        final_micro_usdc=line.final_micro_usdc,
        pending_micro_usdc=line.pending_micro_usdc,
        total_micro_usdc=MicroUsdc(line.final_micro_usdc + line.pending_micro_usdc),
        held_micro_usdc=line.held_micro_usdc,
    )


def _payout(movement: Movement, episodes: Mapping[bytes, Episode]) -> schemas.Payout:
    episode = episodes.get(movement.ref) if movement.ref else None
    return schemas.Payout.model_validate(
        {
            "id": f"{hex_text(movement.tx_hash)}-{movement.log_index}",
            "kind": movement.kind,
            "account_id": ids.uuid_of(movement.account_id),
            "role": movement.role,
            "amount_micro_usdc": movement.amount_micro_usdc,
            "wallet": movement.wallet,
            "episode_id": episode.id if episode else None,
            "held_reason": movement.reason,
            "expires_at": movement.expires_at,
            "tx_hash": movement.tx_hash,
            "log_index": movement.log_index,
            "block_number": movement.block_number,
            "block_time": movement.block_timestamp,
            "finality": movement.finality,
        }
    )


async def _unclaimed_of(
    session: AsyncSession, chain_id: int, account_id: UUID, now: datetime
) -> list[schemas.Unclaimed]:
    buckets = await balances.held_buckets(session, chain_id, ids.account_id(account_id))
    if not buckets:
        return []
    wallet = await balances.wallet_of(session, chain_id, ids.account_id(account_id))
    open_claims = await claims.open_claims(session, chain_id, account_id)
    claiming = {expiry for each in open_claims for expiry in each.expiries}
    episodes = await production.episodes_by_ref(session, [ref for bucket in buckets for ref in bucket.refs])
    shown = []
    for bucket in buckets:
        to_do = rules.to_do(bucket, wallet=wallet, claiming=claiming, now=now)
        shown.append(
            schemas.Unclaimed.model_validate(
                {
                    "account_id": account_id,
                    "amount_micro_usdc": bucket.amount_micro_usdc,
                    "expires_at": bucket.expires_at,
                    "seconds_left": max(0, int((bucket.expires_at - now).total_seconds())),
                    "reasons": bucket.reasons,
                    "episode_ids": [episodes[ref].id for ref in bucket.refs if ref in episodes],
                    "refs": bucket.refs,
                    "finality": bucket.finality,
                    "to_do": to_do,
                    "hint": rules.HINTS[to_do],
                }
            )
        )
    return shown


async def _wallet_account(
    session: AsyncSession, chain_id: int, account: PayoutAccount, totals: queries.Totals
) -> schemas.WalletAccount:
    state = await balances.wallet_of(session, chain_id, ids.account_id(account.id))
    rotation = state.rotation
    return schemas.WalletAccount(
        account_id=account.id,
        role=account.role,
        agent_name=account.agent_name,
        wallet=state.wallet,
        wallet_status=state.status,
        rotation=schemas.PendingRotation(wallet=rotation.wallet, ready_at=rotation.ready_at, vetoed=rotation.vetoed)
        if rotation
        else None,
        earned_micro_usdc=totals.earned_micro_usdc,
        paid_micro_usdc=totals.paid_micro_usdc,
        claimed_micro_usdc=totals.claimed_micro_usdc,
        swept_micro_usdc=totals.swept_micro_usdc,
        unclaimed_micro_usdc=totals.unclaimed_micro_usdc,
        pending_micro_usdc=totals.pending_micro_usdc,
    )
