"""A webhook receiver: a real HTTP server that remembers what it was sent, and answers as it is told."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


@dataclass
class Receiver:
    url: str = ""
    port: int = 0
    answers: Callable[[str, dict[str, Any]], int] = lambda _id, _body: 204
    """The status by `webhook-id` and body."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of every answer."""
    secrets: list[str] = field(default_factory=list)
    """Every delivery has to verify by each of them."""
    requests: int = 0
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What it answered 2xx, in the order of its arrival."""

    async def take(self, request: web.Request) -> web.Response:
        self.requests += 1
        body, found = await request.read(), {}
        for secret in self.secrets:
            found = Webhook(secret).verify(body, dict(request.headers))
        message_id = request.headers["webhook-id"]
        status = self.answers(message_id, found)
        if 200 <= status < 300:
            self.taken.append((message_id, found))
        return web.Response(status=status, headers=self.headers)

    def subjects(self) -> dict[str, list[int]]:
        """The events taken, by subject, in the order of their arrival."""
        by_subject: dict[str, list[int]] = {}
        for message_id, body in self.taken:
            by_subject.setdefault(body["subject"], []).append(int(message_id.removeprefix("evt_")))
        return by_subject


@asynccontextmanager
async def a_receiver(*secrets: str) -> AsyncIterator[Receiver]:
    """On 127.0.0.1, until the end of the block."""
    receiver = Receiver(secrets=list(secrets))
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    receiver.port = listening.getsockname()[1]
    receiver.url = f"http://127.0.0.1:{receiver.port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
