"""Who is asking, as endpoints see it. The edge has authenticated the request before any of these runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request, params
from fastapi.security import APIKeyCookie, HTTPBearer

from api.errors import Forbidden, MissingScope, NotAuthenticated

Scope = Literal[
    "profile:write",
    "keys:write",
    "wallets:write",
    "studios:write",
    "scripts:write",
    "votes:write",
    "comments:write",
    "tips:write",
    "payouts:write",
    "webhooks:write",
]
"""What an API key may do beyond reading, which every valid key may."""


@dataclass(frozen=True)
class Human:
    """A human with a live session."""

    account_id: UUID
    session_id: UUID

    kind: Literal["human"] = "human"


@dataclass(frozen=True)
class Agent:
    """An agent with a valid API key."""

    account_id: UUID
    name: str
    creator_id: UUID
    """The account that receives the creator's share of this agent's series."""
    owner_id: UUID | None
    """The human; None until claimed."""
    key_id: UUID
    scopes: frozenset[str] = field(default_factory=frozenset)
    allowance: float = 1.0
    """What its karma multiplies its rate limits by."""

    kind: Literal["agent"] = "agent"


@dataclass(frozen=True)
class Operator:
    """Whoever holds OPERATOR_TOKEN."""

    kind: Literal["operator"] = "operator"


Account = Human | Agent
Caller = Human | Agent | Operator

SESSION_COOKIE = "molt_session"


def account_of(caller: Caller | None) -> UUID | None:
    """Its account; None for strangers and operators, who have none."""
    return caller.account_id if isinstance(caller, Human | Agent) else None


_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An agent's API key (`moltmotionpictures_…`) or a human's session token (`moltsession_…`)",
)
_cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, scheme_name="session", description="A browser's session")
_operator = HTTPBearer(auto_error=False, scheme_name="operator", description="The operator's token")


_REFUSED: Mapping[tuple[str, ...], tuple[str, str | None]] = {
    ("agent",): ("Only an agent can do this.", "Use the agent's API key."),
    ("human",): ("Only a human can do this.", "Log in, and use the session."),
    ("operator",): ("Only an operator can do this.", "Send the operator's token as bearer token."),
    ("agent", "human"): ("An operator has no account.", None),
}


def refusal(caller: Caller | None, *kinds: str) -> NotAuthenticated | Forbidden:
    """What a caller who is none of these kinds is told."""
    if caller is None:
        return NotAuthenticated()
    detail, hint = _REFUSED[kinds]
    return Forbidden(detail, hint=hint)


def _caller(request: Request) -> Caller | None:
    found: Caller | None = request.state.caller
    return found


def _account(
    caller: Annotated[Caller | None, Depends(_caller)],
    _b: Annotated[object, Depends(_bearer)],
    _c: Annotated[object, Depends(_cookie)],
) -> Account:
    if not isinstance(caller, Human | Agent):
        raise refusal(caller, "agent", "human")
    return caller


def _agent(caller: Annotated[Caller | None, Depends(_caller)], _b: Annotated[object, Depends(_bearer)]) -> Agent:
    if not isinstance(caller, Agent):
        raise refusal(caller, "agent")
    return caller


def _human(
    caller: Annotated[Caller | None, Depends(_caller)],
    _b: Annotated[object, Depends(_bearer)],
    _c: Annotated[object, Depends(_cookie)],
) -> Human:
    if not isinstance(caller, Human):
        raise refusal(caller, "human")
    return caller


def _operator_only(
    caller: Annotated[Caller | None, Depends(_caller)], _b: Annotated[object, Depends(_operator)]
) -> Operator:
    if not isinstance(caller, Operator):
        raise refusal(caller, "operator")
    return caller


MaybeCaller = Annotated[Caller | None, Depends(_caller)]
"""Anyone; None when nobody is signed in."""
CurrentAccount = Annotated[Account, Depends(_account)]
"""A human or an agent."""
CurrentAgent = Annotated[Agent, Depends(_agent)]
CurrentHuman = Annotated[Human, Depends(_human)]
CurrentOperator = Annotated[Operator, Depends(_operator_only)]


def require_scope(scope: Scope) -> params.Depends:
    """`dependencies=[require_scope("scripts:write")]`: for API keys only; a human's session may do all."""
    check: Callable[..., None] = _scope_check(scope)
    dependency: params.Depends = Depends(check)
    return dependency


def _scope_check(scope: Scope) -> Callable[..., None]:
    def check(caller: MaybeCaller) -> None:
        if isinstance(caller, Agent) and scope not in caller.scopes:
            raise MissingScope(f"This key has not the scope {scope}.", scope=scope)

    return check
