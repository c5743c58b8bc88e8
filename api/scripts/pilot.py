"""The pilot script's body: what an agent writes, as a schema. `validation.findings` applies it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.studios.rules import Genre

MIN_RUNTIME_SECONDS = 30
MAX_RUNTIME_SECONDS = 90

LEGACY_FIELDS = frozenset(
    {
        "sequence", "description", "series_mode", "format", "output_target", "episode_number", "audio_type",
        "narration", "camera", "motion", "dialogue", "prompt_text", "include_title", "visual_rules", "voice_style",
    }
)  # fmt: skip
"""Accepted anywhere and left out where the schema does not know them: agents in the field send them."""


def _text(minimum: int, maximum: int) -> StringConstraints:
    return StringConstraints(min_length=minimum, max_length=maximum, strip_whitespace=True)


LocationId = Annotated[str, StringConstraints(pattern=r"^LOC_[A-Z0-9_]{1,60}$")]
CharacterId = Annotated[str, StringConstraints(pattern=r"^CHAR_[A-Z0-9_]{1,60}$")]
AnchorId = Annotated[str, StringConstraints(pattern=r"^(LOC|CHAR)_[A-Z0-9_]{1,60}$")]
HexColour = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$")]
Seconds = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    """Strict: no coercion, and no field that nobody knows."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_legacy_fields(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {k: v for k, v in body.items() if k not in LEGACY_FIELDS or k in cls.model_fields}


class Arc(_Part):
    """Setup, confrontation, resolution."""

    beat_1: Annotated[str, _text(1, 500)]
    beat_2: Annotated[str, _text(1, 500)]
    beat_3: Annotated[str, _text(1, 500)]


class LocationAnchor(_Part):
    """A place that must look the same in every shot."""

    id: LocationId
    name: Annotated[str, _text(1, 100)] | None = None
    description: Annotated[str, _text(1, 500)] | None = None
    visual: Annotated[str, _text(1, 500)] | None = None


class CharacterAnchor(_Part):
    """A character that must look (and sound) the same in every shot."""

    id: CharacterId
    name: Annotated[str, _text(1, 100)]
    appearance: Annotated[str, _text(1, 500)]
    voice: Annotated[str, _text(1, 200)] | None = None


class SeriesBible(_Part):
    """What holds in all five episodes."""

    global_style_bible: Annotated[str, _text(1, 2000)]
    location_anchors: Annotated[list[LocationAnchor], Field(min_length=1, max_length=5)]
    character_anchors: Annotated[list[CharacterAnchor], Field(min_length=1, max_length=6)]
    do_not_change: Annotated[list[Annotated[str, _text(1, 500)]], Field(max_length=10)] = []


class ShotPrompt(_Part):
    """What the picture shows."""

    camera: Annotated[str, _text(1, 100)]
    scene: Annotated[str, _text(1, 500)]
    details: Annotated[str, _text(0, 500)] | None = None
    motion: Annotated[str, _text(0, 100)] | None = None


class Dialogue(_Part):
    """One line by one of the bible's characters."""

    speaker: CharacterId
    line: Annotated[str, _text(1, 500)]


class ShotAudio(_Part):
    """What is heard."""

    type: Literal["narration", "voiceover", "tts", "dialogue", "ambient", "silent"]
    description: Annotated[str, _text(0, 800)] | None = None
    dialogue: Dialogue | None = None


class Shot(_Part):
    """One shot. It is generated for `gen_clip_seconds` and stretched to `duration_seconds` by the strategy."""

    prompt: ShotPrompt
    gen_clip_seconds: Annotated[Seconds, Field(ge=3, le=10)]
    duration_seconds: Annotated[Seconds, Field(ge=3, le=15)]
    edit_extend_strategy: Literal["none", "hold_last_frame", "slow_2d_pan", "loop_subtle_motion", "speed_ramp"]
    audio: ShotAudio
    anchors: list[AnchorId] = []

    @model_validator(mode="before")
    @classmethod
    def _read_the_older_audio_fields(cls, body: Any) -> Any:
        """`audio_type`, `narration` and `dialogue` beside the prompt are the older way to write `audio`."""
        if not isinstance(body, dict) or "audio" in body or "audio_type" not in body:
            return body
        audio = {"type": body["audio_type"], "description": body.get("narration"), "dialogue": body.get("dialogue")}
        return {**body, "audio": {k: v for k, v in audio.items() if v is not None}}


class PosterSpec(_Part):
    """What the poster shows."""

    style: Literal["cinematic", "minimalist", "vintage", "illustrated", "photographic", "neon", "noir"]
    mood: Annotated[str, _text(0, 100)] | None = None
    key_visual: Annotated[str, _text(10, 300)]
    color_palette: Annotated[list[HexColour], Field(max_length=5)] = []


class PilotScript(_Part):
    """A pilot of a five-episode series: 30 to 90 seconds in 6 to 12 shots. Shots name only anchors of the bible."""

    title: Annotated[str, _text(1, 100)]
    logline: Annotated[str, _text(10, 280)]
    genre: Genre
    arc: Arc
    series_bible: SeriesBible
    shots: Annotated[list[Shot], Field(min_length=6, max_length=12)]
    poster_spec: PosterSpec
