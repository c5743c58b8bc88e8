"""The only writer of scripts."""

import json
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from api.callers import Agent
from api.db import WriteSession
from api.errors import FieldError
from api.scripts import queries, schemas, validation
from api.scripts.audio_pack import AudioPack
from api.scripts.errors import InvalidScript, NotYourScript, ScriptNotDraft, ScriptNotFound
from api.scripts.pilot import PilotScript
from api.scripts.queries import WholeScript as Script
from api.scripts.validation import Finding
from api.studios import service as studios
from api.studios.queries import Studio


async def write_draft(session: WriteSession, agent: Agent, new: schemas.NewScript) -> Script:
    """Raises InvalidScript with all that is wrong, and what `studios.own_open_studio` raises."""
    kind, body = _parsed(new)
    studio = await studios.own_open_studio(session, agent, new.studio_id)
    _demand_genre(kind, body, studio)
    script_id = uuid4()
    await session.execute(
        _INSERT, {"id": script_id, "studio_id": studio.id, "agent_id": agent.account_id, "kind": kind, **_columns(body)}
    )
    await session.execute(text("UPDATE app.studio SET last_script_at = now() WHERE id = :id"), {"id": studio.id})
    return await _known(session, script_id)


async def edit_draft(session: WriteSession, agent: Agent, script: Script, change: schemas.ScriptBody) -> Script:
    """Replaces the body, or only title and logline of it. Raises InvalidScript and what `own_draft` raises."""
    kept = {"script_data": script.body} if script.kind == "pilot" else {"audio_pack": script.body}
    if change.script_data is None and change.audio_pack is None:
        said = {k: v for k, v in {"title": change.title, "logline": change.logline}.items() if v is not None}
        change = schemas.ScriptBody.model_validate({key: {**body, **said} for key, body in kept.items()})
    kind, body = _parsed(change)
    studio = await studios.own_open_studio(session, agent, script.studio_id)
    _demand_genre(kind, body, studio)
    await session.execute(_UPDATE, {"id": script.id, "kind": kind, **_columns(body)})
    return await _known(session, script.id)


async def submit(session: WriteSession, agent: Agent, script_id: UUID) -> Script:
    """Ends the draft. Raises InvalidScript (rules may have changed meanwhile) and what `own_draft` raises."""
    script = await own_draft(session, agent, script_id)
    field = {"pilot": "script_data", "audio": "audio_pack"}[script.kind]
    kind, body = _parsed(schemas.ScriptBody.model_validate({field: script.body}))
    _demand_genre(kind, body, await studios.own_open_studio(session, agent, script.studio_id))
    await session.execute(_SUBMIT, {"id": script_id})
    return await _known(session, script_id)


async def delete_draft(session: WriteSession, agent: Agent, script_id: UUID) -> None:
    """Raises what `own_draft` raises."""
    await own_draft(session, agent, script_id)
    await session.execute(text("DELETE FROM app.script WHERE id = :id"), {"id": script_id})


async def own_draft(session: WriteSession, agent: Agent, script_id: UUID) -> Script:
    """Locked until the transaction ends. Raises ScriptNotFound, NotYourScript and ScriptNotDraft."""
    script = await queries.script(session, script_id, for_update=True)
    if script is None or (script.status == "draft" and script.agent_id != agent.account_id):
        raise ScriptNotFound
    if script.agent_id != agent.account_id:
        raise NotYourScript
    if script.status != "draft":
        raise ScriptNotDraft
    return script


async def mark(session: WriteSession, script_id: UUID, status: schemas.Status) -> None:
    """For the features above: voting and production."""
    await session.execute(
        text("UPDATE app.script SET status = :status, updated_at = now() WHERE id = :id"),
        {"id": script_id, "status": status},
    )


def _parsed(given: schemas.ScriptBody) -> tuple[schemas.Kind, PilotScript | AudioPack]:
    if (given.script_data is None) == (given.audio_pack is None):
        raise _invalid([Finding("/script_data", "REQUIRED", "send either script_data or audio_pack")])
    kind: schemas.Kind = "pilot" if given.script_data is not None else "audio"
    body = {**_said_beside(given), **(given.script_data or given.audio_pack or {})}
    script: PilotScript | AudioPack | None
    if kind == "pilot":
        script, found = validation.pilot(body, at="/script_data")
    else:
        script, found = validation.audio_pack(body, at="/audio_pack")
    if script is None:
        raise _invalid(found)
    return kind, script


def _said_beside(given: schemas.ScriptBody) -> dict[str, Any]:
    return {k: v for k, v in {"title": given.title, "logline": given.logline}.items() if v is not None}


def _demand_genre(kind: schemas.Kind, body: PilotScript | AudioPack, studio: Studio) -> None:
    if body.genre != studio.genre:
        place = "/script_data/genre" if kind == "pilot" else "/audio_pack/genre"
        raise _invalid([Finding(place, "GENRE_OF_STUDIO", f"the studio's genre is {studio.genre}")])


def _invalid(found: list[Finding]) -> InvalidScript:
    errors = [FieldError(pointer=f.pointer, code=f.code, detail=f.detail) for f in found]
    return InvalidScript(f"{len(errors)} thing(s) to correct.", errors=errors)


def _columns(body: PilotScript | AudioPack) -> dict[str, Any]:
    stored = json.dumps(body.model_dump(exclude_none=True))
    return {"title": body.title, "logline": body.logline, "genre": body.genre, "body": stored}


async def _known(session: WriteSession, script_id: UUID) -> Script:
    script = await queries.script(session, script_id)
    if script is None:
        raise ScriptNotFound
    return script


_INSERT = text(
    """INSERT INTO app.script (id, studio_id, agent_id, kind, title, logline, genre, body)
    VALUES (:id, :studio_id, :agent_id, :kind, :title, :logline, :genre, CAST(:body AS jsonb))"""
)
_UPDATE = text(
    """UPDATE app.script SET kind = :kind, title = :title, logline = :logline, genre = :genre,
    body = CAST(:body AS jsonb), version = version + 1, updated_at = now() WHERE id = :id"""
)
_SUBMIT = text(
    """UPDATE app.script SET status = 'submitted', submitted_at = now(), updated_at = now(), version = version + 1
    WHERE id = :id"""
)
