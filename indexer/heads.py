"""New heads, announced over WebSocket. Each is a hint: it says when to look, and everything is proven later.

So nothing is lost with a socket: `wait` ends with its time at the latest, which is polling. A socket that is cut is
opened again, after growing pauses; one that says nothing of what polling has seen is cut.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import msgspec
import structlog

from indexer.chain import Header

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

log = structlog.get_logger("indexer.heads")

_SUBSCRIBE = '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'
_LARGEST_MESSAGE_BYTES = 2**20
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_OPEN_SECONDS = 5.0


class _Parameters(msgspec.Struct):
    result: msgspec.Raw


class _Message(msgspec.Struct):
    params: _Parameters | None = None
    error: msgspec.Raw | None = None


class _NotSubscribed(Exception):
    """The node takes no subscription."""


@dataclass(eq=False)
class _Socket:
    url: str
    connection: "ClientConnection | None" = None
    heard_at: float = field(default_factory=time.monotonic)
    """When it was opened, or last announced something."""
    highest: int = 0
    """The highest block that it announced."""

    @property
    def name(self) -> str:
        """Without what may be a key."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


class Heads:
    """Use as an async context manager. Without URLs, `wait` only waits."""

    def __init__(
        self, urls: Sequence[str], seen: Callable[[], int] = lambda: 0, *, longest_silence_seconds: float = 10.0
    ) -> None:
        self._sockets = [_Socket(url) for url in urls]
        self._seen = seen
        """The highest block known from elsewhere."""
        self._longest_silence_seconds = longest_silence_seconds
        self._news = asyncio.Event()
        self._announced: Header | None = None
        self._last_hash = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._listen(each)) for each in self._sockets]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def open(self) -> int:
        """How many sockets are."""
        return sum(each.connection is not None for each in self._sockets)

    async def wait(self, timeout_seconds: float) -> Header | None:
        """Until something was announced since the last wait, or so long. The newest header, if it came with one."""
        self._cut_silent()
        try:
            await asyncio.wait_for(self._news.wait(), timeout_seconds)
        except TimeoutError:
            return None
        self._news.clear()
        announced, self._announced = self._announced, None
        return announced

    def _cut_silent(self) -> None:
        """Those that are open, and say nothing of what is there."""
        for each in self._sockets:
            silent = time.monotonic() - each.heard_at > self._longest_silence_seconds
            if each.connection is not None and silent and self._seen() > each.highest:
                log.warning("heads_silent", provider=each.name, announced=each.highest, seen=self._seen())
                each.connection.transport.abort()

    async def _listen(self, socket: _Socket) -> None:
        from websockets.exceptions import WebSocketException  # noqa: PLC0415 - a start without sockets is 4 % shorter

        pause = _FIRST_PAUSE_SECONDS
        while True:
            highest = socket.highest
            try:
                await self._follow(socket)
            except (OSError, TimeoutError, WebSocketException, msgspec.MsgspecError, _NotSubscribed) as error:
                log.info("heads_cut", provider=socket.name, why=type(error).__name__)
            finally:
                socket.connection = None
            if socket.highest > highest:
                pause = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause)

    async def _follow(self, socket: _Socket) -> None:
        """Until it is cut. Compression costs more time than it saves on one header."""
        from websockets.asyncio.client import connect  # noqa: PLC0415

        async with connect(
            socket.url,
            open_timeout=_OPEN_SECONDS,
            close_timeout=1,
            max_size=_LARGEST_MESSAGE_BYTES,
            compression=None,
        ) as connection:
            await connection.send(_SUBSCRIBE)
            socket.heard_at, socket.connection = time.monotonic(), connection
            async for message in connection:
                self._take(socket, message)

    def _take(self, socket: _Socket, text: str | bytes) -> None:
        message = msgspec.json.decode(text, type=_Message)
        if message.error is not None and bytes(message.error) != b"null":
            raise _NotSubscribed
        header = None
        if message.params is not None:
            header = _header(message.params.result)
            socket.heard_at = time.monotonic()
        if header is not None:
            socket.highest = max(socket.highest, header.height)
            if header.hash == self._last_hash:  # another socket was quicker
                return
            self._last_hash, self._announced = header.hash, header
        self._news.set()  # also when the subscription begins: something may have come before it


def _header(announced: msgspec.Raw) -> Header | None:
    try:
        header = msgspec.json.decode(announced, type=Header)
        return header if header.height >= 0 else None
    except (msgspec.MsgspecError, ValueError):
        return None
