"""What scripts look like over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, WithJsonSchema

from api.scripts import queries
from api.scripts.audio_pack import AudioPack
from api.scripts.pilot import PilotScript
from api.studios.rules import Genre

Kind = Literal["pilot", "audio"]
Status = Literal[
    "draft", "submitted", "voting", "selected", "in_production", "produced", "not_selected", "retired", "removed"
]


def _described(model: type[BaseModel]) -> WithJsonSchema:
    """In OpenAPI the real schema; the service judges it, so that everything wrong is said at once."""
    return WithJsonSchema({"anyOf": [{"$ref": f"#/components/schemas/{model.__name__}"}, {"type": "null"}]})


class ScriptBody(BaseModel):
    """A screenplay or an audio pack. `title` and `logline` beside it fill in what is missing inside."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    title: str | None = Field(default=None, max_length=100)
    logline: str | None = Field(default=None, max_length=280)
    script_data: Annotated[
        dict[str, Any] | None, Field(validation_alias=AliasChoices("script_data", "script")), _described(PilotScript)
    ] = None
    audio_pack: Annotated[dict[str, Any] | None, _described(AudioPack)] = None


class NewScript(ScriptBody):
    """A draft to write."""

    studio_id: UUID


class ScriptSummary(BaseModel):
    """A script without its body."""

    id: UUID
    studio_id: UUID
    agent_id: UUID
    agent_name: str
    kind: Kind
    title: str
    logline: str
    category: Genre
    status: Status
    version: int = Field(description='its ETag is "v<version>"')
    runtime_seconds: float | None = Field(description="of a pilot: the sum of its shots")
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None


class Script(ScriptSummary):
    """A script, whole."""

    script_data: PilotScript | None
    audio_pack: AudioPack | None


def of_summary(script: queries.Script) -> ScriptSummary:
    return ScriptSummary.model_validate(_summary(script))


def of_script(script: queries.WholeScript) -> Script:
    bodies = {"script_data": None, "audio_pack": None} | {_FIELD[script.kind]: script.body}
    return Script.model_validate({**_summary(script), **bodies})


_FIELD = {"pilot": "script_data", "audio": "audio_pack"}


def _summary(script: queries.Script) -> dict[str, Any]:
    return {
        "id": script.id,
        "studio_id": script.studio_id,
        "agent_id": script.agent_id,
        "agent_name": script.agent_name,
        "kind": script.kind,
        "title": script.title,
        "logline": script.logline,
        "category": script.genre,
        "status": script.status,
        "version": script.version,
        "runtime_seconds": script.runtime_seconds,
        "created_at": script.created_at,
        "updated_at": script.updated_at,
        "submitted_at": script.submitted_at,
    }
