"""A running API with events in it, and a worker's deliveries, at a pace that the test sets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg.types.json import Jsonb
from pydantic import IPvAnyNetwork
from sqlalchemy import text

from api.resources import Resources
from api.settings import ApiSettings
from api.webhooks import outgoing
from api.webhooks.delivering import Deliveries
from tests.builders.accounts import Somebody


@pytest.fixture
def api_settings(api_settings: ApiSettings) -> ApiSettings:
    """Receivers of tests live on this machine."""
    return api_settings.model_copy(update={"webhook_networks": [IPvAnyNetwork("127.0.0.0/8")]})


@dataclass
class Post:
    """What the announcer and the worker do, by hand."""

    held: Resources
    deliveries: Deliveries

    async def happens(self, subject: str, *, kind: str = "share.held", about: Sequence[str] = (), **data: Any) -> int:
        values = {"kind": kind, "subject": subject, "about": [UUID(each) for each in about], "data": Jsonb(data)}
        async with self.held.database.begin() as session:
            return int((await session.execute(_EVENT, values)).scalar_one())

    async def goes_out(self) -> None:
        """Until nothing is due."""
        while True:
            await self.deliveries.step()
            async with self.held.database.reading() as session:
                if not (await session.execute(_BUSY)).scalar_one():
                    return

    async def passes(self, time: timedelta) -> None:
        """As far as webhooks are concerned."""
        async with self.held.database.begin() as session:
            for statement in _PASS:
                await session.execute(statement, {"time": time})


_EVENT = text(
    """INSERT INTO app.event (kind, subject, account_ids, data) VALUES (:kind, :subject, :about, :data) RETURNING id"""
)
_BUSY = text(
    """SELECT EXISTS (SELECT FROM app.event WHERE id > (SELECT event_id FROM app.webhook_cursor)) OR EXISTS (
      SELECT FROM app.webhook_line JOIN app.webhook ON webhook.id = webhook_id
       WHERE state = 'active' AND (due_at <= now() OR leased_until > now()))"""
)
_PASS = (
    text("UPDATE app.webhook_line SET due_at = due_at - :time, leased_until = leased_until - :time"),
    text("UPDATE app.webhook SET failing_since = failing_since - :time, former_until = former_until - :time"),
)


@pytest.fixture
async def post(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    monkeypatch.setattr("api.webhooks.delivering._PAUSE_SECONDS", 0.01)
    held: Resources = http.app.state.resources  # type: ignore[attr-defined]
    async with outgoing.opened(held.settings.webhook_networks) as client:
        found = Post(held, Deliveries(held, client))
        yield found
        await found.deliveries.drop()
        await asyncio.sleep(0)


async def a_webhook(http: httpx.AsyncClient, who: Somebody, url: str, **wanted: Any) -> dict[str, Any]:
    """The answer to its creation: `webhook` and `secret`."""
    answer = await http.post("/api/v1/webhooks", json={"url": url, **wanted}, headers=who.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
