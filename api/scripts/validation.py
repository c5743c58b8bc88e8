"""Everything that is wrong with a script, at once, each with the JSON pointer (RFC 6901) of the place.

Shape and meaning are judged independently: a script with a missing title still hears about an unknown anchor.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api.scripts.audio_pack import AudioPack
from api.scripts.pilot import MAX_RUNTIME_SECONDS, MIN_RUNTIME_SECONDS, PilotScript

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Finding:
    """One thing wrong with one place."""

    pointer: str
    code: str
    detail: str


def pilot(body: Any, *, at: str = "") -> tuple[PilotScript | None, list[Finding]]:
    """The script, or all that is wrong with it. `at` is the pointer of `body` itself."""
    script, shape = _shape(PilotScript, body, at)
    found = [*shape, *_unstorable(body, at), *_pilot_meaning(body, at)]
    return (script if not found else None), found


def audio_pack(body: Any, *, at: str = "") -> tuple[AudioPack | None, list[Finding]]:
    """The pack, or all that is wrong with it. `at` is the pointer of `body` itself."""
    pack, shape = _shape(AudioPack, body, at)
    found = [*shape, *_unstorable(body, at), *_audio_meaning(body, at)]
    return (pack if not found else None), found


def runtime_seconds(body: Any) -> float:
    """The whole runtime: Σ `duration_seconds`."""
    shots = _list(_get(body, "shots"))
    return sum(_number(_get(shot, "duration_seconds")) for shot in shots)


def _shape(model: type[M], body: Any, at: str) -> tuple[M | None, list[Finding]]:
    try:
        return model.model_validate(body), []
    except ValidationError as error:
        return None, [_finding(e["loc"], e["type"], e["msg"], at) for e in error.errors(include_url=False)]


_CODES = {
    "missing": "REQUIRED",
    "extra_forbidden": "UNKNOWN_FIELD",
    "string_too_short": "TOO_SHORT",
    "string_too_long": "TOO_LONG",
    "too_short": "TOO_FEW",
    "too_long": "TOO_MANY",
    "string_pattern_mismatch": "WRONG_FORMAT",
    "literal_error": "NOT_ALLOWED",
    "greater_than_equal": "OUT_OF_RANGE",
    "less_than_equal": "OUT_OF_RANGE",
    "finite_number": "OUT_OF_RANGE",
    "recap_too_long": "TOO_LONG",
}


def _finding(loc: Sequence[str | int], kind: str, message: str, at: str) -> Finding:
    return Finding(pointer=at + pointer(*loc), code=_CODES.get(kind, "WRONG_TYPE"), detail=message)


def pointer(*path: str | int) -> str:
    """RFC 6901."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _unstorable(value: Any, at: str) -> Iterator[Finding]:
    """U+0000: JSON may say it, PostgreSQL cannot keep it."""
    if isinstance(value, str) and "\0" in value:
        yield Finding(at, "WRONG_FORMAT", "the character U+0000 is not text")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _unstorable(inner, at + pointer(str(key)))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _unstorable(inner, at + pointer(i))


def _pilot_meaning(body: Any, at: str) -> Iterator[Finding]:
    bible = _get(body, "series_bible")
    known = set[str]()
    for kind in ("location_anchors", "character_anchors"):
        for i, anchor in enumerate(_list(_get(bible, kind))):
            anchor_id = _get(anchor, "id")
            if not isinstance(anchor_id, str):
                continue
            if anchor_id in known:
                place = at + pointer("series_bible", kind, i, "id")
                yield Finding(place, "DUPLICATE_ANCHOR", f"{anchor_id} is already another anchor's id")
            known.add(anchor_id)
    shots = _list(_get(body, "shots"))
    for i, shot in enumerate(shots):
        yield from _unknown_anchors(shot, known, at + pointer("shots", i))
    yield from _runtime(body, shots, at)


def _unknown_anchors(shot: Any, known: set[str], at: str) -> Iterator[Finding]:
    for i, name in enumerate(_list(_get(shot, "anchors"))):
        if isinstance(name, str) and name not in known:
            yield Finding(at + pointer("anchors", i), "UNKNOWN_ANCHOR", f"series_bible has no anchor {name}")
    inside_audio = _get(_get(shot, "audio"), "dialogue")
    place, dialogue = ("/audio", inside_audio) if inside_audio is not None else ("", _get(shot, "dialogue"))
    speaker = _get(dialogue, "speaker")
    if isinstance(speaker, str) and speaker not in known:
        yield Finding(at + place + "/dialogue/speaker", "UNKNOWN_ANCHOR", f"series_bible has no anchor {speaker}")


def _runtime(body: Any, shots: Sequence[Any], at: str) -> Iterator[Finding]:
    total = runtime_seconds(body)
    if shots and not MIN_RUNTIME_SECONDS <= total <= MAX_RUNTIME_SECONDS:
        bounds = f"{MIN_RUNTIME_SECONDS} to {MAX_RUNTIME_SECONDS}"
        yield Finding(
            at + "/shots", "RUNTIME_OUT_OF_RANGE", f"the shots last {total:g} s in all; a pilot lasts {bounds} s"
        )


def _audio_meaning(body: Any, at: str) -> Iterator[Finding]:
    for i, episode in enumerate(_list(_get(body, "episodes"))):
        if i > 0 and isinstance(episode, Mapping) and episode.get("recap") is None:
            yield Finding(at + pointer("episodes", i, "recap"), "REQUIRED", "a recap is required from episode 2 on")


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
