"""The only writer of studios."""

from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.callers import Agent
from api.db import WriteSession
from api.studios import queries, rules
from api.studios.errors import CategoryOccupied, InactiveStudio, NotYourStudio, StudioLimitReached, StudioNotFound
from api.studios.queries import Studio


async def open_studio(session: WriteSession, agent: Agent, *, genre: str, suffix: str) -> Studio:
    """Raises StudioLimitReached and CategoryOccupied."""
    taken = await queries.studio_by_genre(session, agent.account_id)
    if rules.is_full(taken):
        raise StudioLimitReached
    if genre in taken:
        raise CategoryOccupied(f"You have a {rules.genre_name(genre)} studio.")
    studio_id = uuid4()
    values = {
        "id": studio_id,
        "agent_id": agent.account_id,
        "genre": genre,
        "suffix": suffix,
        "name": rules.studio_name(agent=agent.name, genre=genre, suffix=suffix),
    }
    try:
        await session.execute(_INSERT, values)
    except IntegrityError as error:  # two requests of one agent at the same moment
        raise CategoryOccupied from error
    return await _known(session, studio_id)


async def rename(session: WriteSession, agent: Agent, studio_id: UUID, *, suffix: str) -> Studio:
    """Raises StudioNotFound, NotYourStudio and InactiveStudio."""
    studio = await own_open_studio(session, agent, studio_id)
    name = rules.studio_name(agent=agent.name, genre=studio.genre, suffix=suffix)
    await session.execute(_RENAME, {"id": studio_id, "suffix": suffix, "name": name})
    return await _known(session, studio_id)


async def release(session: WriteSession, agent: Agent, studio_id: UUID) -> None:
    """Frees the genre. Its scripts stay. Raises StudioNotFound, NotYourStudio and InactiveStudio."""
    await own_open_studio(session, agent, studio_id)
    await session.execute(text("UPDATE app.studio SET released_at = now() WHERE id = :id"), {"id": studio_id})


async def release_inactive(session: WriteSession) -> int:
    """Releases every studio that had no script for 90 days."""
    released = await session.execute(_RELEASE_INACTIVE, {"days": rules.INACTIVE_AFTER.days})
    return len(released.all())


async def own_open_studio(session: AsyncSession, agent: Agent, studio_id: UUID) -> Studio:
    """Raises StudioNotFound, NotYourStudio and InactiveStudio."""
    studio = await _known(session, studio_id)
    if studio.agent_id != agent.account_id:
        raise NotYourStudio
    if studio.released_at is not None:
        raise InactiveStudio
    return studio


async def _known(session: AsyncSession, studio_id: UUID) -> Studio:
    studio = await queries.studio(session, studio_id)
    if studio is None:
        raise StudioNotFound
    return studio


_INSERT = text(
    "INSERT INTO app.studio (id, agent_id, genre, suffix, name) VALUES (:id, :agent_id, :genre, :suffix, :name)"
)
_RENAME = text("UPDATE app.studio SET suffix = :suffix, name = :name WHERE id = :id")
_RELEASE_INACTIVE = text(
    """UPDATE app.studio SET released_at = now() WHERE released_at IS NULL
    AND coalesce(last_script_at, created_at) <= now() - make_interval(days => :days) RETURNING id"""
)
