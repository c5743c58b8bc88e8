"""A node in front of a real one that loses questions or answers on the way."""

import asyncio
import json
from types import TracebackType
from typing import Self

import httpx


class FlakyNode:
    """Speaks just enough HTTP for JSON-RPC; closes the connection instead of answering when told to."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._broken = False
        self._deliver = True
        self.url = ""

    def break_sends(self, *, deliver: bool) -> None:
        """From now on no broadcast is answered; `deliver`: the node gets it all the same."""
        self._broken, self._deliver = True, deliver

    def heal(self) -> None:
        self._broken = False

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
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            body = await reader.readexactly(length)
            is_lost = self._broken and json.loads(body)["method"] == "eth_sendRawTransaction"
            if not is_lost or self._deliver:
                answer = await self._client.post(
                    self._upstream, content=body, headers={"content-type": "application/json"}
                )
            if not is_lost:
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
                    + f"content-length: {len(answer.content)}\r\n\r\n".encode()
                    + answer.content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, httpx.HTTPError):
            pass
        finally:
            writer.close()
