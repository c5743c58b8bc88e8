"""`/auth`: humans register, log in by password or wallet, log out; and whoever asks learns who they are."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query, Request, Response

from api import edge, rate_limits
from api.accounts import queries, schemas
from api.accounts.errors import AccountDeleted, EmailTaken, WalletOpensAnotherAccount, WrongCredentials
from api.accounts.humans import service, siwe
from api.accounts.humans.service import NewSession
from api.callers import SESSION_COOKIE, CurrentAccount, CurrentHuman, Human, MaybeCaller
from api.challenges import ChallengeExpired, ChallengeInvalid, ChallengeUsed, SignatureInvalid
from api.db import Reading, ReadSession, Writing
from api.errors import ChainUnavailable, Forbidden, NotAuthenticated, problems
from api.rate_limits import LOGINS, PASSWORDS, REGISTRATIONS, limited
from api.resources import Held, Resources
from api.wire import Address

router = edge.router(tags=["auth"])


@router.post(
    "/auth/register",
    operation_id="registerHuman",
    status_code=201,
    dependencies=[limited(REGISTRATIONS)],
    responses=problems(EmailTaken),
)
async def register(session: Writing, held: Held, response: Response, body: schemas.NewHuman) -> schemas.SignedIn:
    """Makes a human's account, and signs them in."""
    begun = await service.register(
        session,
        held.pepper,
        email=body.email,
        password=body.password.get_secret_value(),
        display_name=body.display_name,
    )
    return await signed_in(session, held, response, begun)


@router.post(
    "/auth/login",
    operation_id="logIn",
    dependencies=[limited(LOGINS)],
    responses=problems(WrongCredentials, AccountDeleted),
)
async def log_in(
    session: Writing, held: Held, request: Request, response: Response, body: schemas.Login
) -> schemas.SignedIn:
    """Begins a session of 30 days."""
    address = held.pepper.digest("login-address", body.email.lower().encode()).hex()
    await rate_limits.count(request, PASSWORDS, who=address)
    password = body.password.get_secret_value()
    begun = await service.log_in(session, held.pepper, email=body.email, password=password)
    return await signed_in(session, held, response, begun)


@router.post("/auth/logout", operation_id="logOut", status_code=204, responses=problems(NotAuthenticated, Forbidden))
async def log_out(session: Writing, human: CurrentHuman, response: Response) -> None:
    """Ends the session that asks, everywhere at once."""
    await service.log_out(session, human)
    response.delete_cookie(SESSION_COOKIE, path="/")


@router.get("/auth/me", operation_id="getMe", responses=problems(NotAuthenticated, Forbidden))
async def me(session: Reading, caller: CurrentAccount) -> schemas.Human | schemas.Agent:
    """Whoever asks: a human or an agent (`kind`)."""
    if isinstance(caller, Human):
        return await queries.human(session, caller.account_id)
    return queries.shown(await queries.agent(session, caller.account_id))


@router.get("/auth/wallet/challenge", operation_id="getSignInChallenge")
async def get_challenge(
    held: Held, response: Response, address: Annotated[Address, Query(description="the wallet that will sign")]
) -> schemas.SignInChallenge:
    """A message for a wallet to sign within 5 minutes (EIP-4361)."""
    given = siwe.challenge(held.pepper, address, now=datetime.now(UTC))
    response.headers["Cache-Control"] = "no-store"
    return schemas.SignInChallenge(
        address=address,
        message=given.message(url=held.settings.url, chain_id=held.chain_id),
        nonce=given.nonce,
        expires_at=given.expires_at,
    )


@router.post(
    "/auth/wallet/verify",
    operation_id="signInByWallet",
    dependencies=[limited(LOGINS)],
    responses=problems(
        ChallengeInvalid,
        ChallengeExpired,
        ChallengeUsed,
        SignatureInvalid,
        WalletOpensAnotherAccount,
        AccountDeleted,
        ChainUnavailable,
    ),
)
async def verify(
    session: Writing, held: Held, response: Response, caller: MaybeCaller, body: schemas.SignInProof
) -> schemas.SignedIn:
    """Signs in by wallet: a new wallet gets a new account; a human who is signed in adds the wallet to theirs."""
    begun = await service.sign_in_by_wallet(
        session, held, message=body.message, signature=body.signature, caller=caller
    )
    return await signed_in(session, held, response, begun)


async def signed_in(session: ReadSession, held: Resources, response: Response, begun: NewSession) -> schemas.SignedIn:
    response.set_cookie(
        SESSION_COOKIE,
        begun.token,
        max_age=service.SESSION_DAYS * 86400,
        path="/",
        secure=held.settings.url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    response.headers["Cache-Control"] = "no-store"
    account = await queries.human(session, begun.account_id)
    return schemas.SignedIn(account=account, token=begun.token, expires_at=begun.expires_at)
