"""The only writer of flags and decisions, and of what decisions do to things."""

from uuid import UUID, uuid4

from sqlalchemy import text

from api.audit import trail
from api.callers import Account, Operator
from api.db import WriteSession
from api.karma import rules as karma
from api.karma import service as karma_log
from api.karma.service import Award
from api.moderation import queries
from api.moderation.errors import NothingToDecide, SubjectNotFound
from api.moderation.queries import Action, Decision, Kind, Reason
from api.voting import queries as voting
from api.voting.rules import PERIODS_AT_MOST

_DONE: dict[Action, str] = {"hide": "hidden", "remove": "removed", "restore": "restored", "dismiss": "dismissed"}


async def flag(
    session: WriteSession, flagger: Account, *, kind: Kind, subject_id: UUID, reason: Reason, note: str
) -> bool:
    """Whether it is new: one account flags a thing once. Raises SubjectNotFound."""
    await _lock(session, kind, subject_id)  # or a decision that is being made would answer it unseen
    if not await queries.is_visible(session, kind, subject_id):
        raise SubjectNotFound
    values = {"id": uuid4(), "kind": kind, "subject": subject_id, "flagger": flagger.account_id}
    made = await session.execute(_FLAG, {**values, "reason": reason, "note": note})
    return made.one_or_none() is not None


async def decide(
    session: WriteSession, operator: Operator, *, kind: Kind, subject_id: UUID, action: Action, reason: str
) -> Decision:
    """Its author reads the reason in the audit log. Raises SubjectNotFound and NothingToDecide."""
    if kind == "script":
        await voting.unclosed(session, for_update=True)  # what is removed is never counted at the same moment
    await _lock(session, kind, subject_id)
    author = await queries.author_of(session, kind, subject_id)
    if author is None:
        raise SubjectNotFound
    earlier = await queries.decisions(session, kind, subject_id)
    stands = next((each.action for each in earlier if each.action != "dismiss"), "restore")
    if action != "dismiss" and action == stands:
        raise NothingToDecide
    decision_id = uuid4()
    values = {"id": decision_id, "kind": kind, "subject": subject_id, "action": action, "reason": reason}
    await session.execute(_DECIDE, values)
    if action != "dismiss":
        await _carry_out(session, kind, subject_id, action)
    if kind == "script":
        await _settle_karma(session, author, decision_id, before=stands, now=action)
    await trail.record(
        session,
        actor=operator,
        action=f"{kind}.{_DONE[action]}",
        subject=(kind, subject_id),
        account_id=author,
        data={"reason": reason, "decision": str(decision_id)},
    )
    return (await queries.decisions(session, kind, subject_id))[0]


async def _lock(session: WriteSession, kind: Kind, subject_id: UUID) -> None:
    await session.execute(_LOCK, {"subject": f"app.moderation:{kind}:{subject_id}"})


async def _carry_out(session: WriteSession, kind: Kind, subject_id: UUID, action: Action) -> None:
    if kind != "script":
        await session.execute(text(_HIDE[kind]), {"id": subject_id, "is_hidden": action != "restore"})
    elif action == "restore":
        await session.execute(_RESTORE, {"id": subject_id, "last": PERIODS_AT_MOST})
    else:
        await session.execute(_REMOVE, {"id": subject_id})


async def _settle_karma(session: WriteSession, author: UUID, decision_id: UUID, *, before: str, now: Action) -> None:
    """A removal costs points, and what lifts it gives them back."""
    kind: karma.Kind | None = "removed" if now == "remove" else None
    if before == "remove" and now in {"restore", "hide"}:
        kind = "restored"
    if kind is not None:
        award = Award(author, kind, str(decision_id), karma.FIXED[kind])
        await karma_log.award(session, [award], at=await voting.clock(session))


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")
_FLAG = text(
    """INSERT INTO app.flag (id, subject_kind, subject_id, flagger_id, reason, note)
       VALUES (:id, :kind, :subject, :flagger, :reason, :note)
       ON CONFLICT (subject_kind, subject_id, flagger_id) DO NOTHING RETURNING id"""
)
_DECIDE = text(
    """INSERT INTO app.moderation_decision (id, subject_kind, subject_id, action, reason)
       VALUES (:id, :kind, :subject, :action, :reason)"""
)
_HIDE = {
    "comment": "UPDATE app.comment SET hidden_at = CASE WHEN :is_hidden THEN now() END WHERE id = :id",
    "studio": "UPDATE app.studio SET hidden_at = CASE WHEN :is_hidden THEN now() END WHERE id = :id",
    "agent": "UPDATE app.agent SET hidden_at = CASE WHEN :is_hidden THEN now() END WHERE account_id = :id",
}
_REMOVE = text(
    """UPDATE app.script SET status_before = status, status = 'removed', updated_at = now()
        WHERE id = :id AND status <> 'removed'"""
)
_RESTORE = text(
    """UPDATE app.script SET status_before = NULL, updated_at = now(), status = CASE
           WHEN status_before = 'voting' AND NOT EXISTS (
               SELECT FROM app.candidate JOIN app.period ON period.id = period_id
                WHERE script_id = script.id AND closed_at IS NULL)
           THEN CASE WHEN (SELECT count(*) FROM app.candidate WHERE script_id = script.id) < :last
                     THEN 'not_selected' ELSE 'retired' END
           ELSE coalesce(status_before, 'submitted') END
        WHERE id = :id AND status = 'removed'"""
)
"""One whose period ended meanwhile took part in it in vain."""
