"""A node in front of a real one that loses questions or answers on the way."""

import asyncio
import json
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType
from typing import Self

import httpx

SEND = "eth_sendRawTransaction"


class FlakyNode:
    """Speaks just enough HTTP for JSON-RPC."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._lost: Collection[str] = ()
        self._held: Collection[str] = ()
        self._deliver = True
        self.reached = asyncio.Event()
        """Set when a question is lost or held (and, if it is delivered, when the node has answered)."""
        self.url = ""

    def lose(self, *methods: str, deliver: bool) -> None:
        """From now on hangs up instead of answering these; `deliver`: the node gets the question all the same."""
        self._lost, self._deliver = methods, deliver

    def hold(self, *methods: str, deliver: bool) -> None:
        """From now on never answers these, and keeps the connection open."""
        self._held, self._deliver = methods, deliver

    def heal(self) -> None:
        self._lost = self._held = ()
        self.reached.clear()

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._client.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, httpx.HTTPError):
            await self._exchange(reader, writer)
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = (line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        body = await reader.readexactly(int(next(lengths)))
        method = json.loads(body)["method"]
        is_swallowed = method in self._lost or method in self._held
        if not is_swallowed:
            _answer(writer, await self._ask(body))
            await writer.drain()
            return
        if self._deliver:
            await self._ask(body)
        self.reached.set()
        if method in self._held:
            await reader.read()  # until the other side is gone

    async def _ask(self, body: bytes) -> bytes:
        answer = await self._client.post(self._upstream, content=body, headers={"content-type": "application/json"})
        return answer.content


def _answer(writer: asyncio.StreamWriter, content: bytes) -> None:
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
    writer.write(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
