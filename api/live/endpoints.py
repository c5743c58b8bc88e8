"""`GET /events`: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Query, Request
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from api import edge
from api.errors import InvalidRequest, Problem, problems
from api.live.events import KINDS, Event
from api.live.feed import Feed

router = edge.router(tags=["live"])

HEARTBEAT_SECONDS = 15.0
LIFE_SECONDS = 900.0
"""Then the stream ends, and the client comes back with Last-Event-ID: no connection lives for ever."""
MOST_LISTENERS = 1_000


class TooManyListeners(Problem):
    """This server has as many listeners as it can serve."""

    code, status = "TOO_MANY_LISTENERS", 503
    hint = "Try again in a minute, or poll `GET /api/v1/tips`."


class EventBody(BaseModel):
    """The `data` of one event: facts of the chain as the ledger has them, amounts as decimal strings."""

    kind: str
    subject: str
    at: str
    data: dict[str, Any]


@router.get(
    "/events",
    operation_id="listenToEvents",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": EventBody.model_json_schema()}}, "description": "The stream"},
        **problems(InvalidRequest, TooManyListeners),
    },
)
async def listen(
    *,
    request: Request,
    kind: Annotated[list[str] | None, Query(description=f"only these: {', '.join(KINDS)}")] = None,
    episode: Annotated[UUID | None, Query(description="only about tips for this episode")] = None,
    account: Annotated[UUID | None, Query(description="only about this creator or agent")] = None,
    last_event_id: Annotated[int | None, Header(ge=0, description="go on after this event")] = None,
) -> StreamingResponse:
    """What happens to tips, shares and wallets, as it happens.

    Everything is told once and in order: a tip is `seen` (an authorization was handed to us), `split`, and ends `final`
    or `reorged`. After an interruption, clients send Last-Event-ID by themselves and miss nothing of the last 30 days.
    """
    if unknown := set(kind or ()) - set(KINDS):
        raise InvalidRequest(f"There is no event {', '.join(sorted(unknown))}.", hint=f"There are {', '.join(KINDS)}.")
    feed: Feed = request.app.state.feed
    listeners: set[object] = request.app.state.listeners
    if len(listeners) >= MOST_LISTENERS:
        raise TooManyListeners

    def is_wanted(event: Event) -> bool:
        return (
            (not kind or event.kind in kind)
            and (episode is None or event.episode_id == episode)
            and (account is None or account in event.account_ids)
        )

    async def stream() -> AsyncIterator[bytes]:
        me = object()
        listeners.add(me)
        try:
            last = feed.last if last_event_id is None else last_event_id
            ends = time.monotonic() + LIFE_SECONDS
            yield b"retry: 2000\n\n"
            while time.monotonic() < ends:
                events = await feed.after(last)
                wanted = [_shown(event) for event in events if is_wanted(event)]
                last = events[-1].id if events else last
                if wanted:
                    yield b"".join(wanted)
                elif not events and not await feed.wait(HEARTBEAT_SECONDS):
                    yield KEEPALIVE_COMMENT
        finally:
            listeners.discard(me)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


def _shown(event: Event) -> bytes:
    body = EventBody(kind=event.kind, subject=event.subject, at=event.at.isoformat(), data=event.data)
    return bytes(format_sse_event(data_str=json.dumps(body.model_dump()), event=event.kind, id=str(event.id)))
