"""Gasless submissions. The only writer of submitted tips.

An authorization pays once: its payment key (chain, asset, payer, nonce) is unique here, and the transaction that
carries it is written to the relayer's outbox in the same database transaction, before anything is sent.
"""

from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.audit import trail
from api.callers import Agent, Caller, Human
from api.db import WriteSession
from api.resources import Resources
from api.tips import (
    errors,
    queries,
    quote,
    quotes,
    rails,
    rules,
    signatures,
    sponsorship,
    standing,
    submissions,
    usdc,
    views,
)
from api.tips.kinds import TIP, Payable
from api.tips.rails import Authorization
from api.tips.schemas import SignedAuthorization
from api.tips.submissions import Submitted
from api.wire import address_text, hex_text
from ledger import balances
from ledger.deployment import Deployment
from relayer import outbox


async def submit(
    session: WriteSession,
    held: Resources,
    caller: Caller | None,
    payable: Payable,
    given: SignedAuthorization,
    *,
    payment_id: str | None = None,
) -> Submitted:
    """Hands an authorization to the relayer, once. The same one again, while its outcome is open, is the same one.

    `payment_id`: the payer's own name for the payment. Another authorization under the same name, signed because an
    answer was lost, is not used while the first one is pending or has paid.

    Raises one of `errors` for whatever is wrong with it, with nothing written and nothing sent.
    """
    signed = await _demand_payment(session, held, payable, given)
    if payment_id is not None:
        named = await _named(session, held.deployment, payable, signed, payment_id)
        if named is not None:
            return named
    await _lock_payment(session, held.deployment, signed)
    earlier = await submissions.by_payment(session, **_payment_key(held.deployment, signed))
    if earlier is not None and not await _may_go_again(session, held.deployment, earlier, payable, signed):
        return earlier
    await _demand_payable(session, held, given, signed)
    await sponsorship.demand(session, held, signed.payer)
    return await _send(
        session,
        held.deployment,
        caller=caller,
        given=given,
        signed=signed,
        payable=payable,
        earlier=earlier,
        payment_id=payment_id,
    )


async def check(session: AsyncSession, held: Resources, payable: Payable, given: SignedAuthorization) -> None:
    """Raises what `submit` would; writes nothing. What is under way may be submitted again."""
    signed = await _demand_payment(session, held, payable, given)
    earlier = await submissions.by_payment(session, **_payment_key(held.deployment, signed))
    if earlier is None or await _may_go_again(session, held.deployment, earlier, payable, signed):
        await _demand_payable(session, held, given, signed)


# ------------------------------------------------------------------------------------------- what a submission must be


async def _demand_payment(
    session: AsyncSession, held: Resources, payable: Payable, given: SignedAuthorization
) -> Authorization:
    """A payment on our chain, for this, large enough."""
    quotes.demand_chain(held.deployment, given.chain_id)
    signed = _demand_terms(held.deployment, payable, given)
    await quotes.demand_minimum(session, held.chain_id, signed.amount)
    return signed


def _demand_terms(deployment: Deployment, payable: Payable, given: SignedAuthorization) -> Authorization:
    """The authorization as it must have been signed to pay for this. Raises RecipientsDiffer and TermsChanged."""
    if given.creator_id not in {None, payable.creator_id} or given.agent_id not in {None, payable.agent_id}:
        raise errors.RecipientsDiffer(f"“{payable.title}” ({payable.id}) pays others than those who are named.")
    to = deployment.splitter_bytes if given.rail == "authorization" else payable.vault
    if given.to not in {None, to}:
        whose = "the splitter" if given.rail == "authorization" else "the vault of what is paid for"
        raise errors.TermsChanged(f"`to` must be {whose}, {address_text(to)}.")
    if given.salt is not None and given.nonce != payable.terms.nonce(given.salt):
        raise errors.TermsChanged("The nonce is not the hash of what is paid for, its creator, its agent and the salt.")
    return Authorization(
        payer=given.payer,
        to=to,
        amount=given.amount_micro_usdc,
        valid_after=given.valid_after,
        valid_before=given.valid_before,
        nonce=given.nonce,
    )


async def _demand_payable(
    session: AsyncSession, held: Resources, given: SignedAuthorization, signed: Authorization
) -> None:
    """Valid now, signed by the payer, never used, and the payer has the money."""
    now = (await quotes.demand_head(session, held.chain_id)).timestamp
    if rules.is_expired(signed, now):
        raise errors.AuthorizationExpired(f"It is valid before {signed.valid_before} (unix seconds).")
    if rules.is_not_yet_valid(signed, now):
        raise errors.AuthorizationNotYetValid(f"It is valid after {signed.valid_after} (unix seconds).")
    await _demand_signature(held, given, signed)
    if await _is_spent(session, held, given, signed):
        return
    payer = await usdc.payer(held.node, held.deployment, signed.payer)
    paused = await balances.paused(session, held.chain_id)
    quotes.demand_clear(quote.problems(signed.amount, payer=payer, paused=paused, rail=given.rail))


async def _demand_signature(held: Resources, given: SignedAuthorization, signed: Authorization) -> None:
    digest = rails.digest(rails.authorization(held.deployment, given.rail, signed))
    bare = signatures.unwrapped(given.signature)
    if not await signatures.is_valid(held.node, signer=signed.payer, digest=digest, signature=bare):
        why = await signatures.refusal(held.node, signer=signed.payer, digest=digest, signature=given.signature)
        raise errors.InvalidSignature(why.detail, hint=why.hint)


async def _is_spent(session: AsyncSession, held: Resources, given: SignedAuthorization, signed: Authorization) -> bool:
    """What it paid, the ledger says: `authorizationState` is set by a cancellation too.

    Spent before us, an authorization to the vault may have paid it: what lies there is split, and the ledger will tell.
    Raises AuthorizationCancelled and AuthorizationUsed.
    """
    spent = await usdc.how_spent(held.node, held.deployment, authorizer=signed.payer, nonce=signed.nonce)
    if spent is None:
        return False
    if spent == "cancelled":
        raise errors.AuthorizationCancelled
    _, tip = await queries.paid_by(
        session, held.deployment, payer=signed.payer, nonce=signed.nonce, to=signed.to, amount=signed.amount
    )
    if tip is None and given.rail == "x402":
        return True
    if tip is None:
        raise errors.AuthorizationUsed
    raise errors.AuthorizationUsed("It has paid a tip already.", tip=f"/api/v1/tips/{views.id_of(tip)}")


# -------------------------------------------------------------------------------------------------- writing and sending


async def _named(
    session: WriteSession, deployment: Deployment, payable: Payable, signed: Authorization, payment_id: str
) -> Submitted | None:
    """The payer's payment of this name, by another authorization. Raises PaymentIdReused when it is another payment."""
    await _lock(session, f"{deployment.chain_id}:{signed.payer.hex()}:{payment_id}")
    named = await submissions.by_payment_id(
        session, chain_id=deployment.chain_id, payer=signed.payer, payment_id=payment_id
    )
    if named is None or named.nonce == signed.nonce:
        return None
    if (await standing.of(session, deployment, named)).status == "refused":
        await submissions.give_up_payment_id(session, named.id)
        return None
    if (named.kind, named.payable_id, named.amount) != (payable.kind.name, payable.id, signed.amount):
        raise errors.PaymentIdReused(tip=f"/api/v1/tips/{named.id}")
    return named


async def _lock_payment(session: WriteSession, deployment: Deployment, signed: Authorization) -> None:
    """Whoever submits the same authorization at the same moment waits for us, then finds ours."""
    await _lock(session, f"{deployment.chain_id}:{deployment.usdc}:{signed.payer.hex()}:{signed.nonce.hex()}")


async def _lock(session: WriteSession, name: str) -> None:
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def _payment_key(deployment: Deployment, signed: Authorization) -> dict[str, Any]:
    return {
        "chain_id": deployment.chain_id,
        "asset": deployment.usdc_bytes,
        "payer": signed.payer,
        "nonce": signed.nonce,
    }


async def _may_go_again(
    session: AsyncSession, deployment: Deployment, earlier: Submitted, payable: Payable, signed: Authorization
) -> bool:
    """Only a refused one may. Raises AuthorizationUsed when it paid, or when this is another one with its nonce."""
    where = f"/api/v1/tips/{earlier.id}"
    ours = (earlier.kind, earlier.payable_id, earlier.recipient, earlier.amount, earlier.valid_before)
    if ours != (payable.kind.name, payable.id, signed.to, signed.amount, signed.valid_before):
        raise errors.AuthorizationUsed("Another authorization with this nonce was submitted.", tip=where)
    stands = await standing.of(session, deployment, earlier)
    if stands.status == "settled":
        raise errors.AuthorizationUsed("It has paid this tip already.", tip=where)
    return stands.status == "refused"


async def _send(
    session: WriteSession,
    deployment: Deployment,
    *,
    caller: Caller | None,
    given: SignedAuthorization,
    signed: Authorization,
    payable: Payable,
    earlier: Submitted | None,
    payment_id: str | None,
) -> Submitted:
    attempt = earlier.attempt + 1 if earlier else 1
    outbox_id = await outbox.enqueue(
        session,
        key="relayer",
        to=deployment.splitter_bytes,
        data=_call(payable, given, signed),
        purpose=f"tip_{given.rail}",
        dedupe_key=f"tip:{deployment.chain_id}:{hex_text(signed.payer)}:{hex_text(signed.nonce)}:{attempt}",
    )
    tip_id = earlier.id if earlier else uuid4()
    values: dict[str, Any] = {
        **_payment_key(deployment, signed),
        "id": tip_id,
        "kind": payable.kind.name,
        "episode_id": payable.id if payable.kind is TIP else None,
        "payable_id": None if payable.kind is TIP else payable.id,
        "rail": given.rail,
        "recipient": signed.to,
        "amount": signed.amount,
        "valid_after": signed.valid_after,
        "valid_before": signed.valid_before,
        "salt": given.salt,
        "signature": given.signature,
        "payment_id": payment_id,
        "attempt": attempt,
        "outbox_id": outbox_id,
        "submitted_by": caller.account_id if isinstance(caller, Human | Agent) else None,
    }
    await session.execute(_UPSERT, values)
    named = "episode_id" if payable.kind is TIP else "payable_id"
    facts = {named: str(payable.id), "amount_micro_usdc": str(signed.amount), "rail": given.rail}
    await trail.record(session, actor=caller, action="tip.submitted", subject=("tip", tip_id), data=facts)
    written = await submissions.submission(session, tip_id)
    if written is None:
        raise LookupError(tip_id)
    return written


def _call(payable: Payable, given: SignedAuthorization, signed: Authorization) -> bytes:
    signature = signatures.unwrapped(given.signature)
    if given.salt is None:
        return rails.tip_x402(payable.terms, signed, signature=signature)
    return rails.tip_with_authorization(payable.terms, signed, salt=given.salt, signature=signature)


_UPSERT = text(
    """INSERT INTO app.submitted_tip (id, chain_id, asset, payer, nonce, kind, episode_id, payable_id, rail,
        recipient, amount_micro_usdc, valid_after, valid_before, salt, signature, payment_id, attempt,
        outbox_id, submitted_by)
    VALUES (:id, :chain_id, :asset, :payer, :nonce, :kind, :episode_id, :payable_id, :rail, :recipient, :amount,
        :valid_after, :valid_before, :salt, :signature, :payment_id, :attempt, :outbox_id, :submitted_by)
    ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, outbox_id = excluded.outbox_id,
        signature = excluded.signature, payment_id = coalesce(excluded.payment_id, submitted_tip.payment_id)"""
)
