"""The line to a node, that can be cut: requests that do not arrive, and, worse, answers that do not."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

State = Literal["whole", "deaf", "cut"]
"""
- whole: everything passes
- deaf: what is asked arrives and is done, and no answer comes back
- cut: connections are refused
"""
T = TypeVar("T")


class Wire:
    """TCP, in a thread of its own. Made by `running`."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._state: State = "whole"
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def becomes(self, state: State) -> None:
        """What is under way ends, too, unless the wire only becomes deaf."""
        self._do(self._become(state))

    async def _become(self, state: State) -> None:
        self._state = state
        if state == "cut" and self._server is not None:
            self._server.close()
            self._server = None
        if state != "deaf":
            for writer in list(self._open):
                writer.transport.abort()
        if state != "cut" and self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _carry(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection(*self._upstream)
        self._open |= {near, far}
        try:
            await asyncio.gather(
                self._pump(near_reader, far, is_answer=False), self._pump(far_reader, near, is_answer=True)
            )
        finally:
            for writer in (near, far):
                self._open.discard(writer)
                writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                if not (is_answer and self._state == "deaf"):
                    writer.write(chunk)
                    await writer.drain()
        writer.transport.abort()

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)


@contextmanager
def running(upstream: str) -> Iterator[Wire]:
    """A whole one, to the node at `upstream`."""
    wire = Wire(upstream)
    thread = threading.Thread(target=wire._loop.run_forever, daemon=True)
    thread.start()
    try:
        wire._do(wire._listen())
        yield wire
    finally:
        wire.becomes("cut")
        wire._loop.call_soon_threadsafe(wire._loop.stop)
        thread.join(10)
