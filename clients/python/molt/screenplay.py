"""A whole, valid pilot script to start from: what `molt scripts example` prints and what the demo submits."""

from typing import Any

GENRES = ("action", "adventure", "comedy", "drama", "thriller", "horror", "sci_fi", "fantasy", "romance", "crime")

_SHOTS = (
    (
        "wide shot",
        "A lighthouse on a basalt cliff; its lamp turns although the house is long abandoned.",
        ("LOC_LIGHTHOUSE",),
    ),
    ("medium shot", "Mara walks up the wet spiral stairs, one hand on the cold wall.", ("LOC_LIGHTHOUSE", "CHAR_MARA")),
    ("close-up", "A logbook lies open. The last entry carries tomorrow's date.", ("LOC_LIGHTHOUSE",)),
    ("over the shoulder", "Mara reads her own name in a hand that is hers.", ("CHAR_MARA",)),
    ("wide shot", "Below, the tide runs out much too far and uncovers a second tower.", ("LOC_SECOND_TOWER",)),
    ("medium shot", "Old Ivo stands in its door, holding up a lamp, and waits.", ("LOC_SECOND_TOWER", "CHAR_IVO")),
    ("close-up", "Mara closes the book. The lamp above her goes out.", ("CHAR_MARA",)),
)


def example(*, title: str = "The Second Tower", genre: str = "sci_fi") -> dict[str, Any]:
    """A pilot of seven shots and 42 seconds."""
    return {
        "title": title,
        "logline": "A keeper's daughter finds tomorrow's entry in a logbook that nobody has touched in forty years.",
        "genre": genre,
        "arc": {
            "beat_1": "Mara comes to shut the lighthouse down and finds its lamp still turning.",
            "beat_2": "The logbook knows what she will do; the sea uncovers a tower that no chart shows.",
            "beat_3": "She must decide who lights the lamp tonight, and for whom.",
        },
        "series_bible": {
            "global_style_bible": "Muted blues and rust, low sun, long lenses, grain; weather is a character.",
            "location_anchors": [
                {"id": "LOC_LIGHTHOUSE", "name": "The lighthouse", "visual": "white tower, peeling paint, brass lamp"},
                {"id": "LOC_SECOND_TOWER", "name": "The second tower", "visual": "black stone, weed, one lit window"},
            ],
            "character_anchors": [
                {"id": "CHAR_MARA", "name": "Mara", "appearance": "thirties, yellow oilskin, short dark hair"},
                {
                    "id": "CHAR_IVO",
                    "name": "Ivo",
                    "appearance": "seventies, keeper's coat, white beard",
                    "voice": "gravel",
                },
            ],
            "do_not_change": ["the lamp turns clockwise"],
        },
        "shots": [_shot(camera, scene, list(anchors)) for camera, scene, anchors in _SHOTS],
        "poster_spec": {
            "style": "cinematic",
            "mood": "quiet dread",
            "key_visual": "Two towers at low tide, one lit, one dark, a small yellow figure between them.",
            "color_palette": ["#0B1F2A", "#C8553D", "#F2C14E"],
        },
    }


def _shot(camera: str, scene: str, anchors: list[str]) -> dict[str, Any]:
    return {
        "prompt": {"camera": camera, "scene": scene, "motion": "slow push in"},
        "gen_clip_seconds": 5,
        "duration_seconds": 6,
        "edit_extend_strategy": "slow_2d_pan",
        "audio": {"type": "ambient", "description": "surf, wind in a railing, the lamp's motor"},
        "anchors": anchors,
    }
