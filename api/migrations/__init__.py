"""Which migrations there are, and whether the database has them. `python -m api migrate` applies ours."""

from functools import cache
from pathlib import Path
from typing import Literal

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

Package = Literal["indexer", "relayer", "api"]

_STATE = text(
    """SELECT CASE WHEN to_regclass(:table) IS NULL THEN 'absent'
        WHEN has_table_privilege(to_regclass(:table), 'SELECT') THEN 'readable' ELSE 'hidden' END"""
)
"""The relayer hides its version from the API; its schema's existence has to do then."""

_ROOT = Path(__file__).resolve().parent.parent.parent
_SCHEMAS: dict[Package, tuple[str, str]] = {
    "indexer": ("ledger", "ledger"),
    "relayer": ("relay", "relayer"),
    "api": ("app", "api"),
}


async def missing(session: AsyncSession) -> list[Package]:
    """The packages whose schema is not at the newest revision, in the order in which to migrate them."""
    found: list[Package] = []
    for package, (schema, folder) in _SCHEMAS.items():
        table = f"{schema}.alembic_version"
        state = await session.scalar(_STATE, {"table": table})
        version = await session.scalar(text(f"SELECT version_num FROM {table}")) if state == "readable" else None  # noqa: S608
        if state == "absent" or (state == "readable" and version != _newest(folder)):
            found.append(package)
    return found


@cache
def _newest(folder: str) -> str | None:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / folder / "migrations"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config).get_current_head()
