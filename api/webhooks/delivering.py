"""Delivers in the worker: any number of workers at once, each with a few deliveries under way."""

import asyncio
import contextlib
from collections import Counter
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.pepper import NotOurs
from api.resources import Resources
from api.webhooks import lines, outgoing
from api.webhooks.lines import Due
from api.webhooks.messages import Message
from api.webhooks.outgoing import Answer, Outgoing

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 32
EACH_AT_ONCE = 4
"""Of one webhook: whoever is slow delays nobody else."""
_PAUSE_SECONDS = 1.0


async def run(held: Resources) -> None:
    """Until cancelled."""
    async with outgoing.opened(held.settings.webhook_networks) as client:
        deliveries = Deliveries(held, client)
        try:
            while True:
                await deliveries.step()
        finally:
            await deliveries.drop()


class Deliveries:
    """What this process has under way."""

    def __init__(self, held: Resources, client: Outgoing) -> None:
        self._held = held
        self._client = client
        self._under_way: dict[asyncio.Task[None], UUID] = {}

    async def step(self) -> None:
        """Takes up what is due, and waits until one is done, or a second."""
        try:
            more = await self._take_up()
        except SQLAlchemyError as error:
            log.warning("webhooks_interrupted", error=repr(error))
            more = False
        for task in [task for task in self._under_way if task.done()]:
            del self._under_way[task]
            if fault := task.exception():
                log.error("webhook_attempt_failed", error=repr(fault))
        if more:
            return
        waited_for = [*self._under_way, asyncio.ensure_future(asyncio.sleep(_PAUSE_SECONDS))]
        await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
        waited_for[-1].cancel()

    async def drop(self) -> None:
        """Breaks off what is under way: it is tried again when its lease ends."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _take_up(self) -> bool:
        """True: there is more to line up."""
        async with self._held.database.begin() as session:
            more = await lines.line_up(session)
        running = Counter(each for task, each in self._under_way.items() if not task.done())
        busy = [each for each, count in running.items() if count >= EACH_AT_ONCE]
        room = MOST_AT_ONCE - running.total()
        if room > 0:
            async with self._held.database.begin() as session:
                found = await lines.lease(session, each=EACH_AT_ONCE, most=room, busy=busy)
            for due in found:
                self._under_way[asyncio.create_task(deliver(self._held, self._client, due))] = due.webhook_id
        return more


async def deliver(held: Resources, client: Outgoing, due: Due) -> None:
    """One attempt, and what came of it."""
    answer = await _posted(held, client, due)
    with contextlib.suppress(SQLAlchemyError):  # then it is tried again when the lease ends
        async with held.database.begin() as session:
            await lines.conclude(session, due, answer)
    if answer.error:
        log.info("webhook_not_delivered", webhook=str(due.webhook_id), event_id=due.event_id, error=answer.error)


async def _posted(held: Resources, client: Outgoing, due: Due) -> Answer:
    message = Message.of(due.event_id, due.kind, due.subject, due.at, due.data)
    try:
        headers = message.headers(held.pepper, due.webhook_id, due.secrets)
    except NotOurs:
        return Answer(None, "Our key has changed: rotate the secret.")
    return await client.post(due.url, message.body, headers)
