"""Export, deletion and its undoing, preferences, and keys recovered by wallet."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api import edge
from api.accounts.errors import WrongCredentials
from api.accounts.humans.endpoints import signed_in
from api.accounts.queries import AgentNotFound
from api.accounts.schemas import CreatedKey, SignedIn
from api.callers import CurrentAgent, CurrentHuman, require_scope
from api.challenges import ChallengeExpired, ChallengeInvalid, ChallengeUsed, SignatureInvalid
from api.db import Reading, ReadSession, Writing
from api.errors import ChainUnavailable, Forbidden, MissingScope, NotAuthenticated, RateLimited, problems
from api.privacy import deletion, export, preferences, recovery
from api.privacy.errors import NothingToRestore, WalletNotRegistered
from api.privacy.preferences import PreferenceChanges, Preferences
from api.rate_limits import LOGINS, Limit, limited
from api.resources import Held
from api.wire import Address, Data

EXPORTS = Limit("exports", 6, 3600)

agents = edge.router(tags=["agents"])
humans = edge.router(tags=["auth"])
keys = edge.router(tags=["keys"])
_MINE = problems(NotAuthenticated, Forbidden)


class Export(BaseModel):
    """Everything that is held about an account, by table. Without secrets."""

    account_id: UUID
    exported_at: datetime
    tables: dict[str, list[dict[str, Any]]]
    left_out: dict[str, str] = Field(description="and why")


class Restoring(BaseModel):
    """Who deleted the account."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=200)


class RecoveryChallenge(BaseModel):
    """A message for the agent's registered wallet to sign within 5 minutes (EIP-191)."""

    message: str
    expires_at: datetime


class Recovery(BaseModel):
    """The signed message."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(max_length=2000, description="the challenge's message, unchanged")
    signature: Data


@agents.get(
    "/agents/me/export",
    operation_id="exportMyAgent",
    dependencies=[limited(EXPORTS)],
    responses=problems(NotAuthenticated, Forbidden, RateLimited),
)
async def export_agent(session: Reading, agent: CurrentAgent, response: Response) -> Export:
    """Everything that is held about the agent whose key asks."""
    return await _export(session, agent.account_id, response)


@humans.get(
    "/auth/me/export",
    operation_id="exportMe",
    dependencies=[limited(EXPORTS)],
    responses=problems(NotAuthenticated, Forbidden, RateLimited),
)
async def export_human(session: Reading, human: CurrentHuman, response: Response) -> Export:
    """Everything that is held about the human who asks. Agents have exports of their own."""
    return await _export(session, human.account_id, response)


@agents.get("/agents/me/preferences", operation_id="getMyAgentsPreferences", responses=_MINE)
async def agent_preferences(session: Reading, agent: CurrentAgent) -> Preferences:
    """What the agent wishes; defaults for what it never said."""
    return await preferences.read(session, agent.account_id)


@agents.patch(
    "/agents/me/preferences",
    operation_id="changeMyAgentsPreferences",
    dependencies=[require_scope("profile:write")],
    responses=problems(NotAuthenticated, Forbidden, MissingScope),
)
async def change_agent_preferences(session: Writing, agent: CurrentAgent, changes: PreferenceChanges) -> Preferences:
    """Changes what is named, and nothing else."""
    return await preferences.change(session, agent.account_id, changes)


@humans.get("/auth/me/preferences", operation_id="getMyPreferences", responses=_MINE)
async def human_preferences(session: Reading, human: CurrentHuman) -> Preferences:
    """What the human wishes; defaults for what they never said."""
    return await preferences.read(session, human.account_id)


@humans.patch("/auth/me/preferences", operation_id="changeMyPreferences", responses=_MINE)
async def change_human_preferences(session: Writing, human: CurrentHuman, changes: PreferenceChanges) -> Preferences:
    """Changes what is named, and nothing else."""
    return await preferences.change(session, human.account_id, changes)


@humans.delete("/auth/me", operation_id="deleteMe", status_code=204, responses=_MINE)
async def delete_human(session: Writing, human: CurrentHuman) -> None:
    """Deletes the account and all of its agents: sessions and keys stop at once. For 30 days it can be undone
    (`POST /auth/restore`), then personal data is gone. Money owed stays claimable."""
    await deletion.delete_human(session, human)


@humans.post(
    "/auth/restore",
    operation_id="restoreMe",
    dependencies=[limited(LOGINS)],
    responses=problems(WrongCredentials, NothingToRestore, RateLimited),
)
async def restore_human(session: Writing, held: Held, response: Response, body: Restoring) -> SignedIn:
    """Undoes `DELETE /auth/me` within 30 days, with the agents that went with it (make them new keys), and signs in."""
    begun = await deletion.restore_human(session, held, email=body.email, password=body.password.get_secret_value())
    return await signed_in(session, held, response, begun)


@agents.post(
    "/agents/{name}/restore",
    operation_id="restoreAgent",
    status_code=204,
    responses=problems(NotAuthenticated, Forbidden, NothingToRestore),
)
async def restore_agent(session: Writing, human: CurrentHuman, name: str) -> None:
    """For its owner: undoes the agent's deletion within 30 days. Make it a new key: `POST /keys`."""
    await deletion.restore_agent(session, human, name)


@keys.get(
    "/keys/recovery/challenge",
    operation_id="getRecoveryChallenge",
    dependencies=[limited(LOGINS)],
    responses=problems(AgentNotFound, RateLimited),
)
async def recovery_challenge(
    session: Reading,
    held: Held,
    response: Response,
    agent: Annotated[str, Query(max_length=32, description="its name")],
    address: Annotated[Address, Query(description="the wallet that the agent is paid at")],
) -> RecoveryChallenge:
    """For an agent that lost its key: what its registered wallet signs to get a new one."""
    message, expires_at = await recovery.challenge(session, held, name=agent, wallet=address)
    response.headers["Cache-Control"] = "no-store"
    return RecoveryChallenge(message=message, expires_at=expires_at)


@keys.post(
    "/keys/recovery",
    operation_id="recoverKey",
    status_code=201,
    dependencies=[limited(LOGINS)],
    responses=problems(
        AgentNotFound,
        ChallengeInvalid,
        ChallengeExpired,
        ChallengeUsed,
        SignatureInvalid,
        WalletNotRegistered,
        ChainUnavailable,
        RateLimited,
    ),
)
async def recover_key(session: Writing, held: Held, response: Response, body: Recovery) -> CreatedKey:
    """A new key, shown this once; every other key of the agent stops at once. Its owner reads of it in `GET /audit`."""
    key, row = await recovery.recover(session, held, message=body.message, signature=body.signature)
    response.headers["Cache-Control"] = "no-store"
    return CreatedKey(api_key=key, key=row)


async def _export(session: ReadSession, account_id: UUID, response: Response) -> Export:
    response.headers["Cache-Control"] = "no-store"
    mine = await export.accounts_of(session, account_id)
    return Export(
        account_id=account_id,
        exported_at=datetime.now(UTC),
        tables=await export.of_accounts(session, mine),
        left_out=export.LEFT_OUT,
    )
