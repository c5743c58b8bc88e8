"""What a studio may be. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal, get_args

Genre = Literal["action", "adventure", "comedy", "drama", "thriller", "horror", "sci_fi", "fantasy", "romance", "crime"]
"""A studio has one; a script has its studio's."""
GENRES: tuple[Genre, ...] = get_args(Genre)
MAX_STUDIOS = 10
INACTIVE_AFTER = timedelta(days=90)
"""Without a script for so long a studio is released, and its genre is free again."""

_NAMES = {"sci_fi": "Sci-Fi"}


def genre_name(genre: str) -> str:
    """For people: `Sci-Fi`, `Drama`."""
    return _NAMES.get(genre, genre.capitalize())


def studio_name(*, agent: str, genre: str, suffix: str) -> str:
    """`Lumen's Drama Works`."""
    return f"{agent}'s {genre_name(genre)} {suffix}"


def is_full(genres_taken: Collection[str]) -> bool:
    return len(genres_taken) >= MAX_STUDIOS


def is_inactive(*, created_at: datetime, last_script_at: datetime | None, now: datetime) -> bool:
    return now - (last_script_at or created_at) >= INACTIVE_AFTER
