"""A provider that lies: the network's edge, between the indexer and a real Anvil."""

import json
from collections.abc import Callable
from typing import Any

import httpx

Lie = Callable[[str, list[Any], Any], Any]
"""(method, parameters, true result) → what is answered instead."""

LIAR = "localhost"
"""The liar's host name; the same node is honest as 127.0.0.1."""


class Lying(httpx.AsyncBaseTransport):
    """Passes everything on, and changes the answers of `LIAR`."""

    def __init__(self, lie: Lie) -> None:
        self._real = httpx.AsyncHTTPTransport()
        self._lie = lie
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        questions = json.loads(await request.aread())
        self.asked += [question["method"] for question in questions]
        response = await self._real.handle_async_request(request)
        answers = json.loads(await response.aread())
        await response.aclose()
        if request.url.host == LIAR:
            for question, answer in zip(questions, answers, strict=True):
                if "result" in answer:
                    answer["result"] = self._lie(question["method"], question["params"], answer["result"])
        return httpx.Response(200, content=json.dumps(answers))

    async def aclose(self) -> None:
        await self._real.aclose()


def lying_url(url: str) -> str:
    return url.replace("127.0.0.1", LIAR)
