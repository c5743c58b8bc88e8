"""`/wallets`: challenge, proof, change, and where each stands. Nothing is paid to a wallet that did not agree."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from api import edge, rate_limits, signatures
from api.accounts import queries as accounts
from api.callers import Account, CurrentAccount, require_scope
from api.challenges import ChallengeExpired, ChallengeInvalid, ChallengeUsed, SignatureInvalid
from api.db import Reading, ReadSession, Writing
from api.errors import ChainUnavailable, MissingScope, NotAuthenticated, problems
from api.pages import InvalidCursor, Page, PageOf
from api.rate_limits import Limit, limited
from api.resources import Held, Resources
from api.wallets import consent, queries, service
from api.wallets.errors import (
    AccountAmbiguous,
    InvalidWallet,
    KeyCannotChangeWallet,
    NoWalletToChange,
    PayoutAccountNotFound,
    WalletAlreadyRegistered,
    WalletChangePending,
    WalletNotFound,
    WrongChain,
)
from api.wallets.schemas import Wallet, WalletChallenge, WalletChange, WalletProof
from api.wire import Address

router = edge.router(tags=["wallets"])

WALLETS = Limit("wallets", 20, 3600)
DEPLOYMENTS = Limit("wallet_deployments", 5, 86400, by_ip=True)
"""ERC-6492: we pay for calling a factory of the caller's choice."""
AccountId = Annotated[UUID | None, Query(description="which of your payout accounts (`GET /wallet` lists them)")]
_MAY_WRITE = [require_scope("wallets:write"), limited(WALLETS)]
_REFUSALS = problems(
    NotAuthenticated,
    MissingScope,
    PayoutAccountNotFound,
    ChallengeInvalid,
    ChallengeExpired,
    ChallengeUsed,
    SignatureInvalid,
    WrongChain,
    InvalidWallet,
    KeyCannotChangeWallet,
    WalletAlreadyRegistered,
    WalletChangePending,
    ChainUnavailable,
)


@router.get(
    "/wallets/challenge",
    operation_id="getWalletChallenge",
    responses=problems(
        NotAuthenticated,
        PayoutAccountNotFound,
        AccountAmbiguous,
        InvalidWallet,
        WalletAlreadyRegistered,
        WrongChain,
        ChainUnavailable,
    ),
)
async def get_challenge(
    *,
    session: Reading,
    held: Held,
    caller: CurrentAccount,
    response: Response,
    address: Annotated[Address, Query(description="the wallet that will sign, and then receive")],
    account_id: AccountId = None,
    chain_id: Annotated[int | None, Query(description="the chain that the wallet is on, if you know")] = None,
) -> WalletChallenge:
    """What a wallet is to sign (EIP-712), to become the one that an account is paid at.

    An agent chooses its own account's wallet; a human the creator's, and those of their agents. If the account has a
    wallet already, the challenge is for changing it.
    """
    _demand_this_chain(held, chain_id)
    whose = await service.account(session, caller, account_id)
    given = await service.challenge(held, caller, whose, address)
    response.headers["Cache-Control"] = "no-store"
    return WalletChallenge(
        challenge=service.token(held, given),
        kind=given.kind,
        account_id=whose.id,
        role=whose.role,
        agent_name=whose.agent_name,
        address=given.wallet,
        old_wallet=given.old_wallet,
        chain_id=given.chain_id,
        message=consent.in_words(given, whose=_named(whose)),
        typed_data=consent.consent(held.deployment, given),
        rotation_typed_data=consent.rotation(held.deployment, given),
        consent_nonce=given.nonce,
        deadline=given.deadline,
        expires_at=datetime.fromtimestamp(given.accepted_until, UTC),
    )


@router.post("/wallets", operation_id="registerWallet", status_code=201, dependencies=_MAY_WRITE, responses=_REFUSALS)
async def register_wallet(
    *, request: Request, session: Writing, held: Held, caller: CurrentAccount, response: Response, body: WalletProof
) -> Wallet:
    """Registers the wallet on-chain; the registrar pays the gas. Poll `GET /wallets/{id}` until it is active.

    What was held for the account is then claimed on its behalf.
    """
    _demand_this_chain(held, body.chain_id)
    await _count_deployment(request, body)
    wallet_id = await service.register(session, held, caller, body.challenge, body.signature)
    response.headers["Location"] = f"/api/v1/wallets/{wallet_id}"
    return await _wallet(session, held, caller, wallet_id)


@router.put(
    "/wallets/{wallet_id}",
    operation_id="changeWallet",
    status_code=202,
    dependencies=_MAY_WRITE,
    responses=_REFUSALS | problems(WalletNotFound, NoWalletToChange),
)
async def change_wallet(
    *,
    request: Request,
    session: Writing,
    held: Held,
    caller: CurrentAccount,
    response: Response,
    wallet_id: UUID,
    body: WalletChange,
) -> Wallet:
    """Puts another wallet in this one's place: after 48 hours, or at once when the old wallet co-signs.

    The answer is the new wallet. Until then the old one receives, and can veto the change on-chain. With an API key,
    the old wallet must co-sign: a stolen key redirects nothing.
    """
    _demand_this_chain(held, body.chain_id)
    old = await _wallet(session, held, caller, wallet_id)
    if old.state != "active":
        raise NoWalletToChange
    await _count_deployment(request, body)
    changed_id = await service.rotate(
        session,
        held,
        caller,
        of_account=old.account_id,
        token=body.challenge,
        signature=body.signature,
        cosignature=body.old_wallet_signature or b"",
    )
    response.headers["Location"] = f"/api/v1/wallets/{changed_id}"
    return await _wallet(session, held, caller, changed_id)


@router.get(
    "/wallets", operation_id="listWallets", responses=problems(NotAuthenticated, InvalidCursor, PayoutAccountNotFound)
)
async def list_wallets(
    session: Reading, held: Held, caller: CurrentAccount, page: PageOf, account_id: AccountId = None
) -> Page[Wallet]:
    """The wallets of all the caller's accounts, newest first, with where each stands."""
    own = {each.id: each for each in await accounts.payout_accounts(session, caller)}
    if account_id is not None and account_id not in own:
        raise PayoutAccountNotFound
    chosen = [account_id] if account_id else list(own)
    after = page.after(tuple[datetime, UUID])
    rows = await queries.rows(session, held.chain_id, chosen, after=after, limit=page.fetch)
    shown = {row.id: await queries.shown(session, row, own[row.account_id]) for row in rows}
    return page.of(rows, key=lambda row: (row.created_at, row.id), show=lambda row: shown[row.id])


@router.get("/wallets/{wallet_id}", operation_id="getWallet", responses=problems(NotAuthenticated, WalletNotFound))
async def get_wallet(session: Reading, held: Held, caller: CurrentAccount, wallet_id: UUID) -> Wallet:
    """One wallet, and where it stands."""
    return await _wallet(session, held, caller, wallet_id)


async def _wallet(session: ReadSession, held: Resources, caller: Account, wallet_id: UUID) -> Wallet:
    row = await queries.row(session, wallet_id)
    own = {each.id: each for each in await accounts.payout_accounts(session, caller)}
    if row is None or row.account_id not in own or row.chain_id != held.chain_id:
        raise WalletNotFound
    return await queries.shown(session, row, own[row.account_id])


async def _count_deployment(request: Request, proof: WalletProof) -> None:
    if signatures.counterfactual(proof.signature) is not None:
        await rate_limits.count(request, DEPLOYMENTS)


def _demand_this_chain(held: Resources, chain_id: int | None) -> None:
    if chain_id is not None and chain_id != held.chain_id:
        raise WrongChain(f"This platform is on chain {held.chain_id}, not {chain_id}.")


def _named(whose: accounts.PayoutAccount) -> str:
    if whose.role == "agent":
        return f"the agent {whose.agent_name}"
    return f"the creator of {whose.agent_name}" if whose.agent_name else "you, the creator,"
