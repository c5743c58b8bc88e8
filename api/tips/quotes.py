"""Quotes and checks: gathers what `quote` needs from our tables, the ledger and USDC. Writes nothing."""

import asyncio
import secrets
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.production import queries as production
from api.production.errors import EpisodeNotFound
from api.production.queries import Episode
from api.resources import Resources
from api.tips import errors, quote, rules, schemas, usdc
from api.tips.quote import Payer, Recipient
from api.wallets.errors import WrongChain
from ledger import balances, ids
from ledger.balances import Head
from ledger.deployment import Deployment
from ledger.money import MicroUsdc


async def quoted(
    session: AsyncSession, held: Resources, *, episode_id: UUID, amount: MicroUsdc | None, payer: bytes | None
) -> schemas.TipQuote:
    """`amount` None: the suggested tip. Raises EpisodeNotFound, TipBelowMinimum, LedgerNotReady and NodeUnavailable."""
    episode = await demand_episode(session, episode_id)
    head = await demand_head(session, held.chain_id)
    amount = await suggested(session, held.chain_id) if amount is None else amount
    minimum = await demand_minimum(session, held.chain_id, amount)
    recipients = await _recipients(session, held.chain_id, episode)
    judged, asking = await asyncio.gather(_judged(held, recipients), _payer(held, payer))
    request = quote.Request(
        episode=episode,
        amount=amount,
        minimum=minimum,
        recipients=judged,
        payer=asking,
        paused=await balances.paused(session, held.chain_id),
        now=head.timestamp,
        salt=secrets.token_bytes(32),
        nonce=secrets.token_bytes(32),
    )
    return quote.quote(held.deployment, request)


async def check(session: AsyncSession, held: Resources, asked: schemas.TipCheck) -> None:
    """Raises what would make the tip fail: WrongChain, EpisodeNotFound, TipBelowMinimum, one of `errors.IN_THE_WAY`."""
    demand_chain(held.deployment, asked.chain_id)
    await demand_episode(session, asked.episode_id)
    await demand_minimum(session, held.chain_id, asked.amount_micro_usdc)
    paused = await balances.paused(session, held.chain_id)
    payer = await usdc.payer(held.node, held.deployment, asked.payer)
    demand_clear(quote.problems(asked.amount_micro_usdc, payer=payer, paused=paused, rail=asked.rail))


async def demand_episode(session: AsyncSession, episode_id: UUID) -> Episode:
    """Raises EpisodeNotFound."""
    episode = await production.episode(session, episode_id)
    if episode is None:
        raise EpisodeNotFound(f"No episode has the id {episode_id}.")
    return episode


async def demand_head(session: AsyncSession, chain_id: int) -> Head:
    """Raises LedgerNotReady."""
    head = await balances.head(session, chain_id)
    if head is None:
        raise errors.LedgerNotReady
    return head


async def suggested(session: AsyncSession, chain_id: int) -> MicroUsdc:
    """What to tip when nobody says how much."""
    return max(rules.SUGGESTED_TIP, await balances.min_tip(session, chain_id) or rules.SUGGESTED_TIP)


async def demand_minimum(session: AsyncSession, chain_id: int, amount: MicroUsdc) -> MicroUsdc:
    """The smallest tip, which `amount` reaches. Raises TipBelowMinimum and LedgerNotReady."""
    minimum = await balances.min_tip(session, chain_id)
    if minimum is None:
        raise errors.LedgerNotReady
    if amount < minimum:
        detail = f"The smallest tip is {minimum} micro-USDC, and this is {amount}."
        raise errors.TipBelowMinimum(detail, minimum_micro_usdc=str(minimum))
    return minimum


def demand_chain(deployment: Deployment, chain_id: int) -> None:
    """Raises WrongChain."""
    if chain_id != deployment.chain_id:
        detail = f"This is for chain {chain_id}, and the platform is on chain {deployment.chain_id}."
        raise WrongChain(
            detail, hint="Switch the wallet to that chain, ask for a quote and sign it.", chain_id=deployment.chain_id
        )


def demand_clear(found: list[schemas.TipProblem]) -> None:
    """Raises the first of a quote's problems as one of the request's."""
    for problem in found:
        raise errors.IN_THE_WAY[problem.code](problem.detail, hint=problem.hint)


async def _recipients(session: AsyncSession, chain_id: int, episode: Episode) -> list[Recipient]:
    """Where each share would go, by the ledger."""
    return [
        Recipient("creator", episode.creator_id, await _wallet(session, chain_id, episode.creator_id)),
        Recipient("platform", None, await balances.treasury(session, chain_id)),
        Recipient("agent", episode.agent_id, await _wallet(session, chain_id, episode.agent_id)),
    ]


async def _wallet(session: AsyncSession, chain_id: int, account: UUID) -> bytes | None:
    state = await balances.wallet_of(session, chain_id, ids.account_id(account))
    return state.wallet if state.status == "active" else None


async def _judged(held: Resources, recipients: list[Recipient]) -> list[Recipient]:
    """With what USDC says of their wallets."""

    async def judge(recipient: Recipient) -> Recipient:
        if recipient.wallet is None:
            return recipient
        return replace(recipient, blacklisted=await usdc.is_blacklisted(held.node, held.deployment, recipient.wallet))

    return list(await asyncio.gather(*(judge(recipient) for recipient in recipients)))


async def _payer(held: Resources, payer: bytes | None) -> Payer | None:
    return await usdc.payer(held.node, held.deployment, payer) if payer else None
