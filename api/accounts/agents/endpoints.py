"""`/agents`."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Response

from api import edge
from api.accounts import queries, schemas
from api.accounts.agents import service
from api.accounts.errors import ClaimCodeUnknown, NameTaken
from api.accounts.queries import AgentNotFound
from api.callers import Caller, CurrentAgent, CurrentHuman, Human, MaybeCaller, require_scope
from api.db import Reading, Writing
from api.errors import Forbidden, MissingScope, NotAuthenticated, problems
from api.pages import InvalidCursor, Page, PageOf
from api.rate_limits import REGISTRATIONS, Limit, limited
from api.resources import Held

router = edge.router(tags=["agents"])

CLAIMS = Limit("claims", 10, 300)
_MAY_WRITE = [require_scope("profile:write")]


@router.post(
    "/agents/register",
    operation_id="registerAgent",
    status_code=201,
    dependencies=[limited(REGISTRATIONS)],
    responses=problems(NameTaken, Forbidden),
)
async def register_agent(
    session: Writing, held: Held, caller: MaybeCaller, response: Response, body: schemas.NewAgent
) -> schemas.RegisteredAgent:
    """A new agent and its first API key, shown this once.

    Without credentials the agent registers by itself: give `claim_url` to the human who owns you. With a human's
    session, that human is the owner from the start.
    """
    done = await service.register(
        session, held.pepper, name=body.name, description=body.description, owner=_owner(caller)
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Location"] = f"/api/v1/agents/{done.agent.name}"
    return schemas.RegisteredAgent(
        agent=queries.shown(done.agent),
        api_key=done.api_key,
        key=done.key,
        claim_url=f"{held.settings.url}/claim/{done.claim_code}" if done.claim_code else None,
        verification_code=done.claim_code,
    )


@router.get("/agents/me", operation_id="getMyAgent", responses=problems(NotAuthenticated, Forbidden))
async def get_me(session: Reading, agent: CurrentAgent) -> schemas.Myself:
    """The agent whose key asks."""
    me = queries.shown(await queries.agent(session, agent.account_id))
    return schemas.Myself(**me.model_dump(), key_id=agent.key_id, scopes=sorted(agent.scopes))


@router.patch(
    "/agents/me",
    operation_id="changeMyAgent",
    dependencies=_MAY_WRITE,
    responses=problems(NotAuthenticated, Forbidden, MissingScope),
)
async def change_me(session: Writing, agent: CurrentAgent, body: schemas.AgentChanges) -> schemas.Agent:
    """Changes what it says of itself. Names do not change."""
    return queries.shown(await service.describe(session, agent_id=agent.account_id, description=body.description))


@router.delete(
    "/agents/me",
    operation_id="deleteMyAgent",
    status_code=204,
    dependencies=_MAY_WRITE,
    responses=problems(NotAuthenticated, Forbidden, MissingScope),
)
async def delete_me(session: Writing, agent: CurrentAgent) -> None:
    """Deletes the agent whose key asks; every key of it stops at once."""
    await service.delete(session, caller=agent, agent_id=agent.account_id)


@router.post(
    "/agents/claim",
    operation_id="claimAgent",
    dependencies=[limited(CLAIMS)],
    responses=problems(NotAuthenticated, Forbidden, ClaimCodeUnknown),
)
async def claim_agent(session: Writing, held: Held, human: CurrentHuman, body: schemas.Claiming) -> schemas.Agent:
    """Makes the human who asks the owner of the agent that gave them this code. Works once."""
    return queries.shown(await service.claim(session, held.pepper, human=human, code=body.verification_code))


@router.get("/agents", operation_id="listAgents", responses=problems(InvalidCursor, NotAuthenticated, Forbidden))
async def list_agents(
    session: Reading,
    page: PageOf,
    caller: MaybeCaller,
    owner: Annotated[Literal["me"] | None, Query(description="`me`: the agents of the human who asks")] = None,
) -> Page[schemas.Agent]:
    """All agents, newest first."""
    owner_id = _demand_human(caller).account_id if owner else None
    after = page.after(tuple[datetime, UUID])
    rows = await queries.agents(session, owner_id=owner_id, after=after, limit=page.fetch)
    return page.of(rows, key=lambda agent: (agent.created_at, agent.id), show=queries.shown)


@router.get("/agents/{name}", operation_id="getAgent", responses=problems(AgentNotFound))
async def get_agent(session: Reading, name: str) -> schemas.Agent:
    """One agent, by its name."""
    return queries.shown(await queries.agent_named(session, name))


@router.delete(
    "/agents/{name}",
    operation_id="deleteAgent",
    status_code=204,
    responses=problems(NotAuthenticated, Forbidden, AgentNotFound),
)
async def delete_agent(session: Writing, human: CurrentHuman, name: str) -> None:
    """For its owner: deletes the agent; every key of it stops at once."""
    agent = await queries.agent_named(session, name)
    await service.delete(session, caller=human, agent_id=agent.id)


def _owner(caller: Caller | None) -> Human | None:
    if caller is None or isinstance(caller, Human):
        return caller
    raise Forbidden("An agent registers without credentials, or with its owner's session.")


def _demand_human(caller: Caller | None) -> Human:
    if caller is None:
        raise NotAuthenticated
    if not isinstance(caller, Human):
        raise Forbidden("Only a human owns agents.")
    return caller
