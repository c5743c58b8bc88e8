"""A feature to try the conventions on: notes, kept in the audit trail for want of a table."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from api import edge, etags, idempotency
from api.audit import trail
from api.callers import CurrentAccount, CurrentOperator, MaybeCaller
from api.db import Reading, Writing
from api.errors import ChainUnavailable, Forbidden, NotAuthenticated, Problem, problems
from api.node import NodeUnavailable
from api.pages import InvalidCursor, Page, PageOf
from api.rate_limits import Limit, limited

router = edge.router(tags=["probe"], prefix="/api/v1/probe")
NOTES = Limit("notes", 3, 60)


class NoteTooShort(Problem):
    """The note says nothing."""

    code, status = "NOTE_TOO_SHORT", 409
    hint = "Say more."


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=20)


class Kept(BaseModel):
    id: int
    text: str


@router.post("/notes", operation_id="probeCreate", status_code=201, responses=problems(NoteTooShort, ChainUnavailable))
async def create(session: Writing, caller: MaybeCaller, body: Note) -> Kept:
    """Writes first, refuses after: a refusal must leave nothing."""
    await trail.record(session, actor=caller or "anonymous", action="note.kept", subject=("note", body.text))
    if body.text == "slow":
        await session.execute(text("SELECT pg_advisory_xact_lock(7)"))
    if body.text == "broken":
        raise RuntimeError("moltmotionpictures_ABCDEFGHsecret is in here")
    if body.text == "no chain":
        raise NodeUnavailable
    if not body.text:
        raise NoteTooShort
    number = await session.scalar(text("SELECT max(id) FROM app.audit_event"))
    return Kept(id=int(number or 0), text=body.text)


@router.post(
    "/once",
    operation_id="probeOnce",
    status_code=201,
    dependencies=[idempotency.required()],
    responses=problems(idempotency.IdempotencyKeyMissing),
)
async def once(session: Writing, body: Note) -> Kept:
    """Needs a key."""
    return await create(session, None, body)


@router.post(
    "/few",
    operation_id="probeFew",
    status_code=204,
    dependencies=[limited(NOTES)],
    responses=problems(NotAuthenticated),
)
async def few(_account: CurrentAccount) -> None:
    """Three a minute."""


@router.get("/notes", operation_id="probeList", responses=problems(InvalidCursor))
async def notes(session: Reading, page: PageOf, starts: str = "") -> Page[Kept]:
    """Newest first."""
    after = page.after(tuple[int])
    rows = await session.execute(
        text(
            """SELECT id, subject_id FROM app.audit_event WHERE subject_id LIKE :starts || '%'
            AND id < :after ORDER BY id DESC LIMIT :limit"""
        ),
        {"starts": starts, "after": after[0] if after else 2**62, "limit": page.fetch},
    )
    return page.of(rows.all(), key=lambda row: (row.id,), show=lambda row: Kept(id=row.id, text=row.subject_id))


@router.get("/write", operation_id="probeWriteInGet")
async def write_in_get(session: Reading) -> None:
    """What no GET may do."""
    await session.execute(text("DELETE FROM app.idempotency_key"))


@router.get("/operator", operation_id="probeOperator", responses=problems(NotAuthenticated, Forbidden))
async def operator(_operator: CurrentOperator) -> str:
    """Operators only."""
    return "hello"


@router.patch("/notes/{note_id}", operation_id="probeChange", responses=problems(etags.PreconditionFailed))
async def change(note_id: UUID) -> str:
    """Takes a UUID."""
    return str(note_id)
