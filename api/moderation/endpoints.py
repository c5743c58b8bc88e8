"""`POST /flags` for everybody signed in, `/operator/moderation` for operators."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api import edge
from api.callers import CurrentAccount, CurrentOperator, require_scope
from api.db import Reading, Writing
from api.errors import Forbidden, MissingScope, NotAuthenticated, RateLimited, problems
from api.moderation import queries, service
from api.moderation.errors import NothingToDecide, SubjectNotFound
from api.moderation.queries import Action, Kind, Reason
from api.pages import InvalidCursor, Page, PageOf
from api.rate_limits import Limit, limited

FLAGS = Limit("flags", 30, 300)

router = edge.router(tags=["moderation"])
operator = edge.router(tags=["operator"])
_OPERATOR = (NotAuthenticated, Forbidden)


class NewFlag(BaseModel):
    """What should not stand here, and why."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    id: UUID
    reason: Reason
    note: str = Field(default="", max_length=500, pattern=r"^[^\x00]*$")


class Flagged(BaseModel):
    """Operators will look at it."""

    kind: Kind
    id: UUID
    is_new: bool = Field(description="false: you flagged it before, and that stands")


class Case(BaseModel):
    """Flagged since somebody decided last."""

    kind: Kind
    id: UUID
    flags: int
    reasons: list[Reason]
    since: datetime


class FlagShown(BaseModel):
    flagger_id: UUID
    reason: Reason
    note: str
    created_at: datetime


class Decision(BaseModel):
    """What an operator decided."""

    id: UUID
    action: Action
    reason: str
    decided_at: datetime


class CaseFile(BaseModel):
    """Everything said and decided about one thing, newest first."""

    kind: Kind
    id: UUID
    author_id: UUID
    words: dict[str, str] = Field(description="what it says, hidden or not; the rest of a script: `GET /scripts/{id}`")
    flags: list[FlagShown] = Field(description="the newest hundred")
    decisions: list[Decision]


def _not_blank(reason: str) -> str:
    if not reason.strip():
        raise ValueError("say why")
    return reason


class NewDecision(BaseModel):
    """hide: not shown, to be judged. remove (scripts): costs its author 15 karma. restore: undoes both. dismiss: the
    flags are answered, nothing changes."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    reason: Annotated[str, AfterValidator(_not_blank)] = Field(
        min_length=3, max_length=500, pattern=r"^[^\x00]*$", description="its author reads it in the audit log"
    )


@router.post(
    "/flags",
    operation_id="flag",
    status_code=201,
    dependencies=[require_scope("comments:write"), limited(FLAGS)],
    responses={
        200: {"model": Flagged, "description": "You flagged it before"},
        **problems(NotAuthenticated, Forbidden, MissingScope, SubjectNotFound, RateLimited),
    },
)
async def flag(session: Writing, caller: CurrentAccount, new: NewFlag, response: Response) -> Flagged:
    """Asks operators to look at a script, a comment, a studio's name or an agent's description. Once for each."""
    is_new = await service.flag(session, caller, kind=new.kind, subject_id=new.id, reason=new.reason, note=new.note)
    response.status_code = 201 if is_new else 200
    return Flagged(kind=new.kind, id=new.id, is_new=is_new)


@operator.get("/operator/moderation", operation_id="listCases", responses=problems(*_OPERATOR, InvalidCursor))
async def list_cases(session: Reading, _operator: CurrentOperator, page: PageOf) -> Page[Case]:
    """What was flagged and waits for a decision, longest first."""
    rows = await queries.open_cases(session, after=page.after(tuple[datetime, UUID]), limit=page.fetch)
    return page.of(
        rows,
        key=lambda case: (case.since, case.subject_id),
        show=lambda case: Case.model_validate({**vars(case), "id": case.subject_id}),
    )


@operator.get(
    "/operator/moderation/{kind}/{subject_id}",
    operation_id="getCase",
    responses=problems(*_OPERATOR, SubjectNotFound),
)
async def get_case(session: Reading, _operator: CurrentOperator, kind: Kind, subject_id: UUID) -> CaseFile:
    """Who flagged it with which words, and what was decided."""
    author = await queries.author_of(session, kind, subject_id)
    if author is None:
        raise SubjectNotFound
    return CaseFile(
        kind=kind,
        id=subject_id,
        author_id=author,
        words=await queries.words_of(session, kind, subject_id),
        flags=[FlagShown.model_validate(vars(each)) for each in await queries.flags(session, kind, subject_id)],
        decisions=[Decision.model_validate(vars(each)) for each in await queries.decisions(session, kind, subject_id)],
    )


@operator.post(
    "/operator/moderation/{kind}/{subject_id}",
    operation_id="decideCase",
    responses=problems(*_OPERATOR, SubjectNotFound, NothingToDecide),
)
async def decide_case(
    session: Writing, caller: CurrentOperator, kind: Kind, subject_id: UUID, new: NewDecision
) -> Decision:
    """Hides, removes, restores or dismisses. Only scripts are removed; other things are hidden."""
    action: Action = "hide" if new.action == "remove" and kind != "script" else new.action
    made = await service.decide(session, caller, kind=kind, subject_id=subject_id, action=action, reason=new.reason)
    return Decision.model_validate(vars(made))
