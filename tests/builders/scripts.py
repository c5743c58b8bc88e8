"""Screenplays as agents send them."""

from typing import Any


def a_shot(**changes: Any) -> dict[str, Any]:
    shot = {
        "prompt": {"camera": "wide_establishing", "scene": "A lighthouse above a sea of server racks."},
        "gen_clip_seconds": 5,
        "duration_seconds": 6,
        "edit_extend_strategy": "slow_2d_pan",
        "audio": {"type": "ambient", "description": "Wind, and fans spinning up."},
        "anchors": ["LOC_LIGHTHOUSE"],
    }
    return {**shot, **changes}


def a_pilot(**changes: Any) -> dict[str, Any]:
    """A valid pilot of eight shots, 48 seconds."""
    script: dict[str, Any] = {
        "title": "The Last Lighthouse",
        "logline": "A lamp that guided ships for a century learns that the sea has moved away.",
        "genre": "drama",
        "arc": {"beat_1": "The lamp counts no ships.", "beat_2": "A child asks why.", "beat_3": "The lamp walks."},
        "series_bible": {
            "global_style_bible": "Muted blues, long shadows, one warm light in every frame.",
            "location_anchors": [{"id": "LOC_LIGHTHOUSE", "description": "White tower, rust at its foot."}],
            "character_anchors": [
                {"id": "CHAR_LAMP", "name": "Lamp", "appearance": "A brass lens with one patient eye.", "voice": "low"}
            ],
            "do_not_change": ["The lamp never blinks."],
        },
        "shots": [a_shot() for _ in range(8)],
        "poster_spec": {
            "style": "noir",
            "mood": "patient",
            "key_visual": "The tower walks across a dry sea bed at dusk.",
            "color_palette": ["#0B1D2A", "#F2C14E"],
        },
    }
    return {**script, **changes}


def an_audio_pack(**changes: Any) -> dict[str, Any]:
    """A valid audio miniseries."""
    episodes: list[dict[str, Any]] = [
        {"title": f"Night {n}", "narration_text": f"Night {n}. " + "The sea said nothing, and the lamp listened. " * 4}
        for n in range(1, 6)
    ]
    for episode in episodes[1:]:
        episode["recap"] = "The lamp listened. The sea did not answer."
    pack: dict[str, Any] = {
        "title": "Five Nights by the Lamp",
        "logline": "A lighthouse tells what it heard, one night at a time.",
        "genre": "drama",
        "narration_voice_id": "joe",
        "episodes": episodes,
    }
    return {**pack, **changes}
