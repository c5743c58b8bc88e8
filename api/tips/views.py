"""What a tip looks like, put together from the ledger's facts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.production.terms import Terms
from api.tips import kinds, queries, rules, schemas, standing
from api.tips.kinds import TIP, Payable
from api.tips.queries import Contribution, Hold
from api.tips.rules import Payment
from api.tips.submissions import Submitted
from api.wire import hex_text
from ledger import ids
from ledger.balances import AGENT_HELD, CREATOR_HELD, PLATFORM_HELD, Tip
from ledger.deployment import Deployment
from ledger.money import MicroUsdc


def id_of(tip: Tip) -> str:
    """`<tx_hash>-<log_index>` of its TipSplit: what the ledger's key is."""
    return f"{hex_text(tip.tx_hash)}-{tip.log_index}"


async def of_tips(session: AsyncSession, chain_id: int, tips: Sequence[Tip]) -> list[schemas.Tip]:
    """In the order given."""
    if not tips:
        return []
    surroundings = await _surroundings(session, chain_id, tips)
    shown = []
    for tip in tips:
        contributed = await queries.contributions(session, tip) if tip.payer is None else []
        shown.append(_of_tip(tip, contributed, surroundings))
    return shown


async def of_submitted(session: AsyncSession, deployment: Deployment, submitted: Submitted) -> schemas.Tip:
    """An authorization that was handed to us, and what became of it."""
    stands = await standing.of(session, deployment, submitted)
    shared = {"id": str(submitted.id), "submitted_at": submitted.created_at, "tx_hash": stands.tx_hash}
    if stands.tip is not None:
        (shown,) = await of_tips(session, deployment.chain_id, [stands.tip])
        return shown.model_copy(update={**shared, "payer": submitted.payer})
    return schemas.Tip(
        status=stands.status,
        chain_id=deployment.chain_id,
        kind=submitted.kind,
        payable_id=submitted.payable_id,
        episode_id=submitted.payable_id if submitted.kind == TIP.name else None,
        ref=ids.ref_id(submitted.payable_id),
        payer=submitted.payer,
        amount_micro_usdc=submitted.amount,
        rail=submitted.rail,
        shares=[],
        contributions=[],
        counts_for_episode=False,
        not_counted_because=None,
        counted_micro_usdc=MicroUsdc(0),
        settlement=None,
        refusal=stands.refusal,
        **shared,
    )


@dataclass(frozen=True)
class _Surroundings:
    """What several tips are shown with."""

    payables: Mapping[bytes, Payable]
    wallets: Mapping[bytes, set[bytes]]
    holds: Mapping[tuple[bytes, int], list[Hold]]
    minimums: Sequence[tuple[int, int, str]]
    treasuries: Sequence[tuple[int, int, str]]


async def _surroundings(session: AsyncSession, chain_id: int, tips: Sequence[Tip]) -> _Surroundings:
    accounts = {account for tip in tips for account in (tip.creator_id, tip.agent_id)}
    return _Surroundings(
        payables=await kinds.of_refs(session, [tip.ref for tip in tips]),
        wallets=await queries.wallets_ever_of(session, chain_id, list(accounts)),
        holds=await queries.holds_of(session, tips),
        minimums=await queries.settings_since(session, chain_id, "MinTipSet", "minTip"),
        treasuries=await queries.settings_since(session, chain_id, "TreasuryChanged", "treasury"),
    )


def _of_tip(tip: Tip, contributed: Sequence[Contribution], around: _Surroundings) -> schemas.Tip:
    payable = around.payables.get(tip.ref)
    judged = [(each, _why_not(tip, each.payer, each.amount, payable, around)) for each in contributed]
    if contributed:
        counted = MicroUsdc(sum(each.amount for each, reason in judged if reason is None))
        reason = None if counted else judged[0][1]
    else:
        reason = _why_not(tip, tip.payer, tip.amount_micro_usdc, payable, around)
        counted = MicroUsdc(0) if reason else tip.amount_micro_usdc
    return schemas.Tip(
        id=id_of(tip),
        status="settled",
        chain_id=tip.chain_id,
        kind=payable.kind.name if payable else None,
        payable_id=payable.id if payable else None,
        episode_id=payable.id if payable and payable.kind is TIP else None,
        ref=tip.ref,
        payer=tip.payer,
        amount_micro_usdc=tip.amount_micro_usdc,
        rail=tip.rail,
        shares=_shares(tip, around),
        contributions=[_contribution(each, why) for each, why in judged],
        counts_for_episode=counted > 0,
        not_counted_because=reason,
        counted_micro_usdc=counted,
        settlement=_settlement(tip),
        refusal=None,
        submitted_at=None,
        tx_hash=tip.tx_hash,
    )


def _why_not(
    tip: Tip, payer: bytes | None, amount: MicroUsdc, payable: Payable | None, around: _Surroundings
) -> rules.NotCounted | None:
    if payable is None:
        return "recipients_differ"
    if payable.kind is not TIP:
        return "no_tip"
    own = around.wallets.get(tip.creator_id, set()) | around.wallets.get(tip.agent_id, set())
    return rules.why_not_counted(
        Payment(terms=Terms(tip.creator_id, tip.agent_id, tip.ref), payer=payer, amount=amount),
        episode=payable.terms,
        recipient_wallets=own,
        minimum=MicroUsdc(int(_at(around.minimums, tip) or 0)),
    )


def _shares(tip: Tip, around: _Surroundings) -> list[schemas.Share]:
    holds = iter(around.holds.get((tip.tx_hash, tip.log_index), []))
    treasury = _at(around.treasuries, tip)
    legs: Iterable[tuple[schemas.Role, bytes | None, MicroUsdc, bytes | None, int]] = (
        ("creator", tip.creator_id, tip.creator_share_micro_usdc, tip.creator_wallet, CREATOR_HELD),
        ("platform", None, tip.platform_share_micro_usdc, _address(treasury), PLATFORM_HELD),
        ("agent", tip.agent_id, tip.agent_share_micro_usdc, tip.agent_wallet, AGENT_HELD),
    )
    return [
        _share(role, account, amount, wallet, next(holds, None) if tip.held_mask & bit else None)
        for role, account, amount, wallet, bit in legs
    ]


def _share(
    role: schemas.Role, account: bytes | None, amount: MicroUsdc, wallet: bytes | None, hold: Hold | None
) -> schemas.Share:
    return schemas.Share.model_validate(
        {
            "role": role,
            "account_id": _uuid(account) if account else None,
            "amount_micro_usdc": amount,
            "wallet": None if hold else wallet,
            "held": hold is not None,
            "held_reason": hold.reason if hold else None,
            "expires_at": hold.expires_at if hold else None,
        }
    )


def _contribution(contribution: Contribution, why: rules.NotCounted | None) -> schemas.TipContribution:
    return schemas.TipContribution(
        payer=contribution.payer,
        amount_micro_usdc=contribution.amount,
        tx_hash=contribution.tx_hash,
        log_index=contribution.log_index,
        counts_for_episode=why is None,
        not_counted_because=why,
    )


def _settlement(tip: Tip) -> schemas.Settlement:
    return schemas.Settlement(
        tx_hash=tip.tx_hash,
        log_index=tip.log_index,
        block_number=tip.block_number,
        block_hash=tip.block_hash,
        block_time=tip.block_timestamp,
        finality=tip.finality,
        rail=tip.rail,
    )


def _at(changes: Sequence[tuple[int, int, str]], tip: Tip) -> str | None:
    """What a setting of the contract was when the tip was split."""
    before = [value for block, log, value in changes if (block, log) < (tip.block_number, tip.log_index)]
    return before[-1] if before else None


def _address(text: str | None) -> bytes | None:
    return bytes.fromhex(text[2:]) if text else None


def _uuid(account: bytes) -> UUID | None:
    try:
        return ids.uuid_of(account)
    except ids.NotOneOfOurIds:
        return None
