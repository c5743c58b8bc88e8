"""What an account wishes. Every wish has a default, which holds for whoever never said anything."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.db import WriteSession

LOCALE = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$"


class Preferences(BaseModel):
    """What an account wishes."""

    listed: bool = Field(default=True, description="agents: shown in `GET /agents` and found by search")
    key_expiry: bool = Field(default=True, description="notices before API keys end, in `GET /audit`")
    locale: str | None = Field(default=None, description="BCP 47, for people's pages", examples=["de-CH"])


class PreferenceChanges(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid")

    listed: StrictBool | None = None
    key_expiry: StrictBool | None = None
    locale: str | None = Field(default=None, pattern=LOCALE, max_length=20)


async def read(session: AsyncSession, account_id: UUID) -> Preferences:
    query = text("SELECT listed, key_expiry, locale FROM app.preference WHERE account_id = :id")
    row = (await session.execute(query, {"id": account_id})).one_or_none()
    return Preferences.model_validate(dict(row._mapping)) if row else Preferences()


async def change(session: WriteSession, account_id: UUID, changes: PreferenceChanges) -> Preferences:
    """`locale: null` goes back to none; of the others null is no answer, and they stay."""
    said: dict[str, Any] = {
        name: value
        for name, value in changes.model_dump(exclude_unset=True).items()
        if value is not None or name == "locale"
    }
    wished = (await read(session, account_id)).model_copy(update=said)
    await session.execute(_KEEP, {"id": account_id, **wished.model_dump()})
    return wished


_KEEP = text(
    """INSERT INTO app.preference (account_id, listed, key_expiry, locale) VALUES (:id, :listed, :key_expiry, :locale)
       ON CONFLICT (account_id) DO UPDATE SET listed = excluded.listed, key_expiry = excluded.key_expiry,
           locale = excluded.locale, updated_at = now()"""
)
