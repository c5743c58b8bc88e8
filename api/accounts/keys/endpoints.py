"""`/keys`: an agent manages its own, a human those of their agents."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from api import edge
from api.accounts import queries as accounts
from api.accounts import schemas
from api.accounts.errors import KeyLimitReached, KeyNotFound, KeyNotLive, ScopeNotYours
from api.accounts.keys import queries, service
from api.accounts.queries import AgentNotFound
from api.callers import Account, Agent, CurrentAccount, CurrentAgent, require_scope
from api.db import Reading, ReadSession, Writing
from api.errors import FieldError, Forbidden, InvalidRequest, MissingScope, NotAuthenticated, problems
from api.pages import Page
from api.resources import Held

router = edge.router(tags=["keys"])

_MAY_WRITE = [require_scope("keys:write")]
AgentName = Annotated[
    str | None, Query(alias="agent", max_length=32, description="for humans: the name of an agent of theirs")
]


@router.get("/keys", operation_id="listKeys", responses=problems(NotAuthenticated, AgentNotFound))
async def list_keys(session: Reading, caller: CurrentAccount, agent: AgentName = None) -> Page[schemas.Key]:
    """All keys of the agent, newest first, revoked and expired ones too."""
    agent_id = await _agent_id(session, caller, agent)
    return Page(data=await queries.of_agent(session, agent_id), next_cursor=None)


@router.post(
    "/keys",
    operation_id="createKey",
    status_code=201,
    dependencies=_MAY_WRITE,
    responses=problems(NotAuthenticated, MissingScope, AgentNotFound, KeyLimitReached, ScopeNotYours),
)
async def create_key(
    session: Writing, held: Held, caller: CurrentAccount, response: Response, body: schemas.NewKey
) -> schemas.CreatedKey:
    """A new key, shown this once. At most 5 are live at a time."""
    key, row = await service.create(
        session,
        held.pepper,
        agent_id=await _agent_id(session, caller, body.agent),
        actor=caller,
        label=body.label,
        scopes=body.scopes,
        expires_in_days=body.expires_in_days,
    )
    response.headers["Cache-Control"] = "no-store"
    return schemas.CreatedKey(api_key=key, key=row)


@router.get("/keys/validate", operation_id="validateKey", responses=problems(NotAuthenticated, Forbidden))
async def validate_key(session: Reading, agent: CurrentAgent) -> schemas.ValidKey:
    """Says what the key that asks is; an invalid one gets a 401 with the reason as its code."""
    return schemas.ValidKey(key=await queries.key(session, agent.key_id), agent=agent.name)


@router.post(
    "/keys/{key_id}/rotate",
    operation_id="rotateKey",
    status_code=201,
    dependencies=_MAY_WRITE,
    responses=problems(NotAuthenticated, MissingScope, KeyNotFound, KeyNotLive, KeyLimitReached, ScopeNotYours),
)
async def rotate_key(
    *,
    session: Writing,
    held: Held,
    caller: CurrentAccount,
    response: Response,
    key_id: UUID,
    body: schemas.Rotation | None = None,
) -> schemas.CreatedKey:
    """A new key in place of this one, which goes on for `overlap_hours` (24 unless told otherwise)."""
    asked = body or schemas.Rotation()
    key, row = await service.rotate(
        session,
        held.pepper,
        caller=caller,
        key_id=key_id,
        overlap_hours=asked.overlap_hours,
        expires_in_days=asked.expires_in_days,
    )
    response.headers["Cache-Control"] = "no-store"
    return schemas.CreatedKey(api_key=key, key=row)


@router.delete(
    "/keys/{key_id}",
    operation_id="revokeKey",
    status_code=204,
    dependencies=_MAY_WRITE,
    responses=problems(NotAuthenticated, MissingScope, KeyNotFound),
)
async def revoke_key(session: Writing, caller: CurrentAccount, key_id: UUID) -> None:
    """Stops the key at once, everywhere. Revoking it again changes nothing."""
    await service.revoke(session, caller=caller, key_id=key_id)


async def _agent_id(session: ReadSession, caller: Account, name: str | None) -> UUID:
    """Whose keys are meant. Raises AgentNotFound for an agent that is not the caller's."""
    if isinstance(caller, Agent) and name is None:
        return caller.account_id
    if name is None:
        wrong = FieldError(pointer="/agent", code="REQUIRED", detail="name the agent whose keys you mean")
        raise InvalidRequest(errors=[wrong])
    found = await accounts.agent_named(session, name)
    if not await accounts.may_act_for(session, caller, found.id):
        raise AgentNotFound
    return found.id
