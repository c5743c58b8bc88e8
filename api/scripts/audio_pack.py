"""The audio miniseries pack: five narrated episodes in one voice. `validation.findings` applies it."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from api.studios.rules import Genre

EPISODES = 5
_MAX_RECAP_SENTENCES = 2
_SENTENCE_END = re.compile(r"[.!?\u2026]+[\"'\u201d\u2019)]*(?:\s+|$)")


class AudioEpisode(BaseModel):
    """One narrated episode. `recap` tells in one or two sentences what came before: required from the second on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    narration_text: Annotated[str, StringConstraints(min_length=100, max_length=4500, strip_whitespace=True)]
    recap: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)] | None = None

    @field_validator("recap")
    @classmethod
    def _one_or_two_sentences(cls, recap: str | None) -> str | None:
        if recap is not None and sentences(recap) > _MAX_RECAP_SENTENCES:
            raise PydanticCustomError("recap_too_long", "A recap has one or two sentences")
        return recap


class AudioPack(BaseModel):
    """Exactly five episodes; the series has one narration voice, so no episode names its own."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    logline: Annotated[str, StringConstraints(min_length=10, max_length=280, strip_whitespace=True)]
    genre: Genre
    narration_voice_id: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    episodes: Annotated[list[AudioEpisode], Field(min_length=EPISODES, max_length=EPISODES)]


def sentences(text: str) -> int:
    """How many sentences; text after the last full stop counts as one."""
    return len([part for part in _SENTENCE_END.split(text) if part.strip()])
