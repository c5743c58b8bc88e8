"""A provider that lies in one chosen way: a real server between the indexer and a real Anvil.

`tests.kit.faulty_node` fails and lies in every way, by chance.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

Lie = Callable[[str, list[Any], Any], Any]
"""(method, parameters, true result) → what is answered instead."""

Refusal = Callable[[list[dict[str, Any]]], web.Response | None]
"""Questions → what is answered instead of asking the node."""


def honest(_method: str, _parameters: list[Any], result: Any) -> Any:
    return result


@dataclass
class Liar:
    """`lie` and `refuse` may be changed at any time."""

    url: str = ""
    lie: Lie = honest
    refuse: Refusal = lambda _: None
    asked: list[tuple[str, list[Any]]] = field(default_factory=list)
    requests: int = 0


@asynccontextmanager
async def lying(upstream: str, lie: Lie = honest, refuse: Refusal = lambda _: None) -> AsyncIterator[Liar]:
    liar = Liar(lie=lie, refuse=refuse)

    async def answer(request: web.Request) -> web.Response:
        said = json.loads(await request.read())
        questions = said if isinstance(said, list) else [said]
        liar.requests += 1
        liar.asked += [(question["method"], question["params"]) for question in questions]
        if (refusal := liar.refuse(questions)) is not None:
            return refusal
        async with client.post(upstream, json=questions) as response:
            answers = json.loads(await response.read())
        for question, told in zip(questions, answers, strict=True):
            if "result" in told:
                told["result"] = liar.lie(question["method"], question["params"], told["result"])
        return web.Response(text=json.dumps(answers if isinstance(said, list) else answers[0]))

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/{key:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    liar.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as client:
        yield liar
    await runner.cleanup()


def error(questions: list[dict[str, Any]], code: int, message: str, **answer: Any) -> web.Response:
    """The same error in answer to each question."""
    errors = [{"jsonrpc": "2.0", "id": each["id"], "error": {"code": code, "message": message}} for each in questions]
    return web.Response(text=json.dumps(errors), **answer)
