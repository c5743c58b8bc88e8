"""The only writer of humans and sessions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from api import challenges, signatures
from api.accounts import secrets
from api.accounts.errors import AccountDeleted, EmailTaken, WalletOpensAnotherAccount, WrongCredentials
from api.accounts.humans import passwords, siwe
from api.audit import trail
from api.callers import Caller, Human
from api.challenges import ChallengeExpired, SignatureInvalid
from api.db import WriteSession
from api.pepper import Pepper
from api.resources import Resources

SESSION_DAYS = 30


@dataclass(frozen=True)
class NewSession:
    """Its token is known to nobody but the caller."""

    account_id: UUID
    token: str
    expires_at: datetime


async def register(
    session: WriteSession, pepper: Pepper, *, email: str, password: str, display_name: str | None
) -> NewSession:
    """Raises EmailTaken."""
    account_id = await _new_account(session)
    inserted = await session.execute(
        text(
            """INSERT INTO app.human (account_id, email, password_hash, display_name)
            VALUES (:account_id, :email, :password_hash, :display_name)
            ON CONFLICT (lower(email)) DO NOTHING RETURNING account_id"""
        ),
        {
            "account_id": account_id,
            "email": email,
            "password_hash": await passwords.hashed(password),
            "display_name": display_name,
        },
    )
    if inserted.one_or_none() is None:
        raise EmailTaken
    return await begin_session(session, pepper, account_id)


async def log_in(session: WriteSession, pepper: Pepper, *, email: str, password: str) -> NewSession:
    """Raises WrongCredentials, as slowly for an unknown address as for a wrong password, and AccountDeleted."""
    account_id = await account_of_password(session, email=email, password=password)
    await _demand_not_deleted(session, account_id)
    return await begin_session(session, pepper, account_id)


async def account_of_password(session: WriteSession, *, email: str, password: str) -> UUID:
    """Also of a deleted account. Raises WrongCredentials, as slowly for an unknown address as for a wrong password."""
    row = (
        await session.execute(
            text("SELECT account_id, password_hash FROM app.human WHERE lower(email) = lower(:email)"),
            {"email": email},
        )
    ).one_or_none()
    if not await passwords.fits(password, row.password_hash if row else None) or row is None:
        raise WrongCredentials
    if passwords.is_outdated(row.password_hash):
        await session.execute(
            text("UPDATE app.human SET password_hash = :new WHERE account_id = :account_id"),
            {"new": await passwords.hashed(password), "account_id": row.account_id},
        )
    account_id: UUID = row.account_id
    return account_id


async def log_out(session: WriteSession, human: Human) -> None:
    """Ends this session, on every replica at once."""
    await session.execute(
        text("UPDATE app.session SET ended_at = now() WHERE id = :id AND ended_at IS NULL"), {"id": human.session_id}
    )


async def sign_in_by_wallet(
    session: WriteSession, held: Resources, *, message: str, signature: bytes, caller: Caller | None
) -> NewSession:
    """Opens the account of the wallet that signed; makes one for a wallet that is new.

    A human who is signed in already adds the wallet to their account. Raises ChallengeInvalid, ChallengeExpired,
    ChallengeUsed, SignatureInvalid, WalletOpensAnotherAccount, NodeUnavailable.
    """
    given = siwe.read(held.pepper, message, url=held.settings.url, chain_id=held.chain_id)
    if datetime.now(UTC) >= given.expires_at:
        raise ChallengeExpired
    digest = signatures.personal_digest(message)
    if not await signatures.is_valid(held.node, signer=given.address, digest=digest, signature=signature):
        raise SignatureInvalid
    await challenges.use(session, held.pepper, "sign_in", given.nonce, expires_at=given.expires_at)
    human = caller if isinstance(caller, Human) else None
    account_id = await _account_of_wallet(session, held.pepper, given.address, human)
    await _demand_not_deleted(session, account_id)
    return await begin_session(session, held.pepper, account_id)


async def _demand_not_deleted(session: WriteSession, account_id: UUID) -> None:
    if await session.scalar(text("SELECT deleted_at FROM app.account WHERE id = :id"), {"id": account_id}):
        raise AccountDeleted


async def _account_of_wallet(session: WriteSession, pepper: Pepper, address: bytes, human: Human | None) -> UUID:
    known: UUID | None = await session.scalar(
        text("SELECT account_id FROM app.sign_in_wallet WHERE address = :address"), {"address": address}
    )
    if known is not None:
        if human is not None and known != human.account_id:
            raise WalletOpensAnotherAccount
        return known
    account_id = human.account_id if human else await _new_wallet_human(session)
    await session.execute(
        text("INSERT INTO app.sign_in_wallet (address, account_id) VALUES (:address, :account_id)"),
        {"address": address, "account_id": account_id},
    )
    actor = human or Human(account_id=account_id, session_id=account_id)
    await trail.record(
        session,
        actor=actor,
        action="sign_in_wallet.added",
        subject=("account", account_id),
        account_id=account_id,
        data={"address_hash": pepper.digest("audit", address).hex()},
    )
    return account_id


async def _new_wallet_human(session: WriteSession) -> UUID:
    account_id = await _new_account(session)
    await session.execute(text("INSERT INTO app.human (account_id) VALUES (:id)"), {"id": account_id})
    return account_id


async def _new_account(session: WriteSession) -> UUID:
    account_id = uuid4()
    await session.execute(text("INSERT INTO app.account (id, kind) VALUES (:id, 'human')"), {"id": account_id})
    return account_id


async def begin_session(session: WriteSession, pepper: Pepper, account_id: UUID) -> NewSession:
    token = secrets.new_session()
    expires_at = datetime.now(UTC) + timedelta(days=SESSION_DAYS)
    await session.execute(
        text(
            """INSERT INTO app.session (id, account_id, token_hash, expires_at)
            VALUES (:id, :account_id, :token_hash, :expires_at)"""
        ),
        {
            "id": uuid4(),
            "account_id": account_id,
            "token_hash": pepper.digest(secrets.SESSION_PURPOSE, token.encode()),
            "expires_at": expires_at,
        },
    )
    return NewSession(account_id, token, expires_at)


async def purge_sessions(session: WriteSession) -> None:
    """Forgets sessions that ended or expired a month ago."""
    await session.execute(
        text(
            """DELETE FROM app.session
            WHERE least(expires_at, coalesce(ended_at, expires_at)) < now() - interval '30 days'"""
        )
    )
