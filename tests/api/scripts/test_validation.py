"""Everything wrong with a script is said at once, each with its place."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.scripts import validation
from api.scripts.pilot import LEGACY_FIELDS
from tests.builders.scripts import a_pilot, a_shot, an_audio_pack


def places(body: Any) -> set[tuple[str, str]]:
    return {(f.pointer, f.code) for f in validation.pilot(body)[1]}


def audio_places(body: Any) -> set[tuple[str, str]]:
    return {(f.pointer, f.code) for f in validation.audio_pack(body)[1]}


def changed(path: str, value: Any) -> dict[str, Any]:
    """A valid pilot with the value at one JSON pointer replaced."""
    script = deepcopy(a_pilot())
    *parents, last = path.strip("/").split("/")
    here: Any = script
    for step in parents:
        here = here[int(step)] if isinstance(here, list) else here[step]
    here[int(last) if isinstance(here, list) else last] = value
    return script


def test_valid_pilot_is_accepted() -> None:
    script, found = validation.pilot(a_pilot())
    assert found == []
    assert script is not None
    assert script.title == "The Last Lighthouse"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("/title", "", "TOO_SHORT"),
        ("/title", "x" * 101, "TOO_LONG"),
        ("/title", 7, "WRONG_TYPE"),
        ("/title", "nul\0", "WRONG_FORMAT"),
        ("/title", "lone \ud800 surrogate", "WRONG_TYPE"),
        ("/logline", "too short", "TOO_SHORT"),
        ("/logline", "x" * 281, "TOO_LONG"),
        ("/genre", "western", "NOT_ALLOWED"),
        ("/arc/beat_2", "x" * 501, "TOO_LONG"),
        ("/series_bible/global_style_bible", "x" * 2001, "TOO_LONG"),
        ("/series_bible/location_anchors", [], "TOO_FEW"),
        ("/series_bible/location_anchors/0/id", "LIGHTHOUSE", "WRONG_FORMAT"),
        ("/series_bible/character_anchors/0/appearance", "", "TOO_SHORT"),
        ("/series_bible/do_not_change", ["never"] * 11, "TOO_MANY"),
        ("/shots/3/prompt/scene", "x" * 501, "TOO_LONG"),
        ("/shots/3/gen_clip_seconds", 2.9, "OUT_OF_RANGE"),
        ("/shots/3/gen_clip_seconds", 10.1, "OUT_OF_RANGE"),
        ("/shots/3/duration_seconds", 16, "OUT_OF_RANGE"),
        ("/shots/3/duration_seconds", "6", "WRONG_TYPE"),
        ("/shots/3/duration_seconds", float("nan"), "OUT_OF_RANGE"),
        ("/shots/3/edit_extend_strategy", "stretch", "NOT_ALLOWED"),
        ("/shots/3/audio/type", "song", "NOT_ALLOWED"),
        ("/shots/3/audio/description", "x" * 801, "TOO_LONG"),
        ("/shots/3/anchors/0", "LOC_NOWHERE", "UNKNOWN_ANCHOR"),
        ("/poster_spec/style", "baroque", "NOT_ALLOWED"),
        ("/poster_spec/key_visual", "a tower", "TOO_SHORT"),
        ("/poster_spec/color_palette/0", "blue", "WRONG_FORMAT"),
        ("/poster_spec/font", "Futura", "UNKNOWN_FIELD"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(path: str, value: Any, code: str) -> None:
    assert (path, code) in places(changed(path, value))


@pytest.mark.parametrize("missing", ["title", "logline", "genre", "arc", "series_bible", "shots", "poster_spec"])
def test_missing_part_is_named(missing: str) -> None:
    script = a_pilot()
    del script[missing]
    assert (f"/{missing}", "REQUIRED") in places(script)


def test_shape_and_meaning_are_reported_together() -> None:
    script = changed("/shots/0/anchors", ["CHAR_GHOST"])
    del script["title"]
    script["poster_spec"]["style"] = "baroque"
    assert places(script) == {
        ("/title", "REQUIRED"),
        ("/shots/0/anchors/0", "UNKNOWN_ANCHOR"),
        ("/poster_spec/style", "NOT_ALLOWED"),
    }


@pytest.mark.parametrize(("count", "seconds", "fits"), [(6, 4.9, False), (6, 5, True), (9, 10, True), (12, 7.6, False)])
def test_runtime_is_30_to_90_seconds(count: int, seconds: float, *, fits: bool) -> None:
    shots = [a_shot(duration_seconds=seconds) for _ in range(count)]
    assert (("/shots", "RUNTIME_OUT_OF_RANGE") not in places(a_pilot(shots=shots))) == fits


@pytest.mark.parametrize(("count", "code"), [(5, "TOO_FEW"), (13, "TOO_MANY")])
def test_shots_are_6_to_12(count: int, code: str) -> None:
    assert ("/shots", code) in places(a_pilot(shots=[a_shot() for _ in range(count)]))


def test_speaker_must_be_a_character_of_the_bible() -> None:
    audio = {"type": "dialogue", "dialogue": {"speaker": "CHAR_GHOST", "line": "Boo."}}
    assert ("/shots/2/audio/dialogue/speaker", "UNKNOWN_ANCHOR") in places(changed("/shots/2/audio", audio))


def test_an_anchor_id_is_used_once() -> None:
    anchors = [{"id": "LOC_LIGHTHOUSE"}, {"id": "LOC_LIGHTHOUSE"}]
    found = places(changed("/series_bible/location_anchors", anchors))
    assert ("/series_bible/location_anchors/1/id", "DUPLICATE_ANCHOR") in found


def test_legacy_fields_are_accepted_everywhere_and_left_out() -> None:
    extra = dict.fromkeys(LEGACY_FIELDS - {"camera", "motion", "dialogue", "description", "audio_type"}, "x")
    script = a_pilot(**extra)
    script["shots"] = [a_shot(**extra, audio_type="ambient", description="x") for _ in range(8)]
    script["poster_spec"] |= extra
    script["series_bible"]["character_anchors"][0] |= extra
    accepted, found = validation.pilot(script)
    assert found == []
    assert accepted is not None
    assert "series_mode" not in accepted.model_dump()


def test_older_audio_fields_are_read_as_audio() -> None:
    shot = a_shot(audio_type="dialogue", dialogue={"speaker": "CHAR_LAMP", "line": "No ships."})
    del shot["audio"]
    script, found = validation.pilot(a_pilot(shots=[shot] * 8))
    assert found == []
    assert script is not None
    assert script.shots[0].audio.dialogue is not None
    assert script.shots[0].audio.dialogue.line == "No ships."


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    junk=json_values,
    where=st.sampled_from(
        ["/shots", "/shots/0", "/shots/0/audio", "/series_bible", "/series_bible/character_anchors", "/arc"]
    ),
)
def test_no_junk_breaks_the_validator(junk: Any, where: str) -> None:
    validation.pilot(changed(where, junk))
    validation.pilot(junk)
    validation.audio_pack(junk)


def test_valid_audio_pack_is_accepted() -> None:
    assert audio_places(an_audio_pack()) == set()


@pytest.mark.parametrize("count", [4, 6])
def test_audio_pack_has_exactly_five_episodes(count: int) -> None:
    episode = an_audio_pack()["episodes"][1]
    code = "TOO_FEW" if count < 5 else "TOO_MANY"
    assert ("/episodes", code) in audio_places(an_audio_pack(episodes=[episode] * count))


def test_recap_is_required_from_the_second_episode() -> None:
    pack = an_audio_pack()
    del pack["episodes"][3]["recap"]
    assert audio_places(pack) == {("/episodes/3/recap", "REQUIRED")}


def test_recap_has_at_most_two_sentences() -> None:
    pack = an_audio_pack()
    pack["episodes"][1]["recap"] = "One. Two. Three."
    assert audio_places(pack) == {("/episodes/1/recap", "TOO_LONG")}


def test_no_episode_has_a_voice_of_its_own() -> None:
    pack = an_audio_pack()
    pack["episodes"][0]["narration_voice_id"] = "amy"
    assert audio_places(pack) == {("/episodes/0/narration_voice_id", "UNKNOWN_FIELD")}


@pytest.mark.parametrize(("length", "fits"), [(99, False), (100, True), (4500, True), (4501, False)])
def test_narration_is_100_to_4500_characters(length: int, *, fits: bool) -> None:
    pack = an_audio_pack()
    pack["episodes"][0]["narration_text"] = "x" * length
    assert (audio_places(pack) == set()) == fits
