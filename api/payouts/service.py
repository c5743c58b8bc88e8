"""Claims, sweeps and notices. Whoever asks, the contract pays only the registered wallet, or the treasury."""

import hashlib
import itertools
from collections.abc import Sequence
from uuid import UUID, uuid4

import structlog
from sqlalchemy import text

from api import calldata
from api.accounts import queries as accounts
from api.audit import trail
from api.callers import Account
from api.db import WriteSession
from api.payouts import claims, notices, queries, rules
from api.payouts.claims import Claim
from api.payouts.errors import AccountNotFound, NothingToClaim, PayoutsFrozen, UnverifiedWallet, WalletBlacklisted
from api.resources import Resources
from api.tips import usdc
from api.tips.errors import LedgerNotReady
from ledger import balances, ids
from ledger.balances import Head, HeldBucket
from ledger.deployment import Deployment
from ledger.money import MicroUsdc
from relayer import outbox

log = structlog.get_logger(__name__)


async def claim(session: WriteSession, held: Resources, caller: Account, account_id: UUID | None) -> list[Claim]:
    """Claims every live bucket of the caller's accounts (or of that one). Buckets on their way keep their claim.

    Raises AccountNotFound, NothingToClaim, UnverifiedWallet, WalletBlacklisted, LedgerNotReady and PayoutsFrozen.
    """
    own = [each.id for each in await accounts.payout_accounts(session, caller)]
    if account_id is not None and account_id not in own:
        raise AccountNotFound
    head = await _head(session, held.chain_id)
    live: dict[UUID, list[HeldBucket]] = {}
    for each in [account_id] if account_id else own:
        if buckets := await _live(session, held.chain_id, each, head):
            live[each] = buckets
    if not live:
        raise NothingToClaim
    payable = [each for each in live if await _may_receive(session, held, each, lone=len(live) == 1)]
    if not payable:
        raise UnverifiedWallet
    found = []
    for each in payable:
        found += await _claimed(session, held.deployment, each, live[each], requested_by=caller)
    return found


async def claim_for_registered(session: WriteSession, deployment: Deployment) -> int:
    """Claims on behalf of every account that was held shares for want of a wallet, and has one now; answers how many.

    A bucket whose claim the chain refused is tried again a day later.
    """
    head = await _sound_head(session, deployment.chain_id)
    if head is None:
        return 0
    asked = 0
    for account_id in await queries.accounts_to_claim_for(session, deployment.chain_id, head.timestamp):
        if (await balances.wallet_of(session, deployment.chain_id, ids.account_id(account_id))).status != "active":
            continue
        tried = await queries.expiries_tried_today(session, deployment.chain_id, account_id)
        live = await _live(session, deployment.chain_id, account_id, head)
        fresh = [b for b in live if b.expiry not in tried and b.reasons != ["blacklisted"]]
        asked += len(await _claimed(session, deployment, account_id, fresh, requested_by=None)) if fresh else 0
    return asked


async def sweep_expired(session: WriteSession, deployment: Deployment) -> int:
    """Asks for a sweep of every bucket that has expired by the chain's time; answers how many transactions."""
    head = await _sound_head(session, deployment.chain_id)
    if head is None:
        return 0
    expired = await balances.expired_buckets(session, deployment.chain_id, head.timestamp)
    expired.sort(key=lambda bucket: (bucket.account_id, bucket.expires_at))
    asked = 0
    for account_id, buckets in itertools.groupby(expired, key=lambda bucket: bucket.account_id):
        asked += await _sweep(session, deployment, account_id, list(buckets))
    return asked


async def notify_of_holds(session: WriteSession, deployment: Deployment) -> int:
    """Writes the notices that are due for held buckets (0, 7, 21, 27 and 29 days); answers how many are new."""
    head = await balances.head(session, deployment.chain_id)
    if head is None:
        return 0
    written = 0
    for bucket in await queries.live_buckets(session, deployment.chain_id, head.timestamp):
        day = rules.notice_due(bucket.expires_at, head.timestamp)
        if day is not None:
            written += await notices.insert(session, deployment.chain_id, bucket, day)
    return written


async def _head(session: WriteSession, chain_id: int) -> Head:
    if await balances.head(session, chain_id) is None:
        raise LedgerNotReady
    head = await _sound_head(session, chain_id)
    if head is None:
        raise PayoutsFrozen
    return head


async def _sound_head(session: WriteSession, chain_id: int) -> Head | None:
    """None while money should not move on the ledger's word: it is empty, halted, or known to differ from the chain."""
    head = await balances.head(session, chain_id)
    if head is None or head.status == "halted" or await balances.differs(session, chain_id):
        return None
    return head


async def _live(session: WriteSession, chain_id: int, account_id: UUID, head: Head) -> list[HeldBucket]:
    buckets = await balances.held_buckets(session, chain_id, ids.account_id(account_id))
    return [bucket for bucket in buckets if rules.is_live(bucket, head.timestamp)]


async def _may_receive(session: WriteSession, held: Resources, account_id: UUID, *, lone: bool) -> bool:
    """Whether it has a wallet that USDC pays. Raises WalletBlacklisted when this is the only account asked for."""
    state = await balances.wallet_of(session, held.chain_id, ids.account_id(account_id))
    if state.status != "active" or state.wallet is None:
        return False
    if not await usdc.is_blacklisted(held.node, held.deployment, state.wallet):
        return True
    if lone:
        raise WalletBlacklisted
    return False


async def _claimed(
    session: WriteSession,
    deployment: Deployment,
    account_id: UUID,
    buckets: Sequence[HeldBucket],
    *,
    requested_by: Account | None,
) -> list[Claim]:
    """The claims of these buckets: those on their way, and new ones for the rest."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"claim:{account_id}"}
    )
    waiting = await claims.open_claims(session, deployment.chain_id, account_id)
    on_their_way = {expiry for each in waiting for expiry in each.expiries}
    found = [each for each in waiting if any(bucket.expiry in each.expiries for bucket in buckets)]
    amounts = {b.expiry: b.amount_micro_usdc for b in buckets if b.expiry not in on_their_way}
    for expiries in rules.in_transactions(list(amounts)):
        amount = MicroUsdc(sum(amounts[expiry] for expiry in expiries))
        found.append(await _send_claim(session, deployment, account_id, expiries, amount, requested_by=requested_by))
    return found


async def _send_claim(
    session: WriteSession,
    deployment: Deployment,
    account_id: UUID,
    expiries: Sequence[int],
    amount: MicroUsdc,
    *,
    requested_by: Account | None,
) -> Claim:
    claim_id = uuid4()
    outbox_id = await outbox.enqueue(
        session,
        key="relayer",
        to=deployment.splitter_bytes,
        data=calldata.call("claim(bytes32,uint64[])", ids.account_id(account_id), expiries),
        purpose="claim",
        dedupe_key=f"claim:{claim_id}",
    )
    await claims.insert(
        session,
        claim_id=claim_id,
        chain_id=deployment.chain_id,
        account_id=account_id,
        expiries=expiries,
        amount=amount,
        outbox_id=outbox_id,
        requested_by=requested_by.account_id if requested_by else None,
    )
    facts = {"expiries": list(expiries), "amount_micro_usdc": str(amount)}
    await trail.record(
        session,
        actor=requested_by,
        action="claim.requested",
        subject=("claim", claim_id),
        account_id=account_id,
        data=facts,
    )
    written = await claims.claim(session, claim_id)
    if written is None:
        raise LookupError(claim_id)
    return written


async def _sweep(session: WriteSession, deployment: Deployment, account_id: bytes, buckets: list[HeldBucket]) -> int:
    """Once for the same buckets; once more a day while a refused sweep leaves them there."""
    today = await session.scalar(text("SELECT current_date"))
    amounts = {bucket.expiry: bucket.amount_micro_usdc for bucket in buckets}
    asked = 0
    for expiries in rules.in_transactions(list(amounts)):
        what = hashlib.sha256(repr([(expiry, amounts[expiry]) for expiry in expiries]).encode()).hexdigest()[:32]
        key = f"sweep:{deployment.chain_id}:{account_id.hex()}:{what}:{today}"
        if await outbox.status_of_act(session, key) is not None:
            continue
        data = calldata.call("sweep(bytes32,uint64[])", account_id, expiries)
        await outbox.enqueue(
            session, key="relayer", to=deployment.splitter_bytes, data=data, purpose="sweep", dedupe_key=key
        )
        facts = {"expiries": expiries, "amount_micro_usdc": str(sum(amounts[expiry] for expiry in expiries))}
        await trail.record(
            session, actor=None, action="sweep.requested", subject=("account", "0x" + account_id.hex()), data=facts
        )
        log.info("sweep_requested", account="0x" + account_id.hex(), **facts)
        asked += 1
    return asked
