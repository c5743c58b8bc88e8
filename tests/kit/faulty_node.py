"""START HERE. A node that fails and lies: a real TCP server, HTTP and WebSocket on one port, in front of a real node.

Whoever is tested knows nothing but its URL. `faults` says how likely each fault is, and may be changed at any time;
`happened` counts those that really changed an answer. The dice of the n-th request depend on the seed and n alone.

    async with FaultyNode(anvil_url, seed=7, faults=Faults(leave_out=0.1, ws_cut=0.05)) as node:
        … node.url …
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.kit import views
from tests.kit.faults import NONE, Faults
from tests.kit.lies import LIES, NULL
from tests.kit.refusals import refusal
from tests.kit.views import Memory, Question

_LARGEST_BODY = 64 * 2**20
_ERRORS = [(-32000, "header not found"), (-32603, "internal error"), (-32011, "no backend is currently healthy")]
_PAGE = "<!doctype html><title>One moment</title><h1>Checking your browser before you go on</h1>"


@dataclass
class _Exchange:
    """One request: its questions, its dice, and the answers so far, in the order of the questions."""

    questions: list[Question]
    is_batch: bool
    rng: random.Random
    answers: list[dict[str, Any]]
    status: int = 200


class FaultyNode:
    """Use as an async context manager; `url` and `ws_url` are known inside."""

    def __init__(self, upstream: str, *, seed: int = 0, faults: Faults = NONE, memory: Memory | None = None) -> None:
        self.upstream = upstream
        """The real node; may be exchanged for another one while this one runs."""
        self._faults = faults
        self.happened: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        """Questions by method."""
        self.memory = memory if memory is not None else Memory()
        self.url = self.ws_url = ""
        self._seed = seed
        self._requests = 0
        self._while: dict[str, tuple[int, Any]] = {}
        """Faults that go on: name → (requests left, what it is about)."""
        self._healed = asyncio.Event()
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def faults(self) -> Faults:
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._while.clear()
        self._healed.clear()

    def heal(self) -> None:
        """From now on the node is honest and quick."""
        self.faults = NONE
        self._healed.set()

    async def cut_sockets(self) -> None:
        """Cuts every WebSocket that is open."""
        for socket in list(self._sockets):
            await _abort(socket)

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_post("/", self._post)
        app.router.add_get("/", self._websocket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url, self.ws_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut_sockets()
        await self._runner.cleanup()
        await self._client.close()

    # --------------------------------------------------------------------------------------------------------- dice

    def _dice(self) -> random.Random:
        self._requests += 1
        return random.Random(f"{self._seed}/{self._requests}")

    def _hits(self, name: str, rng: random.Random) -> bool:
        probability: float = getattr(self.faults, name)
        return probability > 0 and rng.random() < probability

    def _goes_on(self, name: str, rng: random.Random, about: Callable[[], Any]) -> Any:
        """What the fault is about, while it lasts; None when it does not happen."""
        left, what = self._while.get(name, (0, None))
        if left == 0:
            if not self._hits(name, rng):
                return None
            left, what = rng.randrange(1, 9), about()
        self._while[name] = (left - 1, what)
        return what

    # --------------------------------------------------------------------------------------------------------- HTTP

    async def _post(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
        except ConnectionError:
            return web.Response()  # whoever asked is gone
        rng = self._dice()
        if self._hits("delay", rng):
            self.happened["delay"] += 1
            await asyncio.sleep(rng.uniform(0, self.faults.delay_seconds))
        if self._hits("drop", rng):
            self.happened["drop"] += 1
            return _hang_up(request)
        refused = self._failed(rng)
        if refused is not None:
            return refused
        asked = json.loads(body)
        questions = asked if isinstance(asked, list) else [asked]
        self.asked.update(question["method"] for question in questions)
        try:
            exchange = _Exchange(questions, isinstance(asked, list), rng, [])
            await self._answer(exchange)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return web.Response(status=502)  # the real node is gone
        return self._encoded(exchange)

    def _failed(self, rng: random.Random) -> web.Response | None:
        """An answer that has nothing to do with the question."""
        if self._goes_on("too_many", rng, lambda: True):
            self.happened["too_many"] += 1
            headers = {"Retry-After": str(self.faults.retry_after_seconds)}
            return web.Response(status=429, text="Too Many Requests", headers=headers)
        if self._hits("fail", rng):
            self.happened["fail"] += 1
            return web.Response(status=rng.choice([500, 502, 503]), text="upstream connect error")
        if self._hits("html", rng):
            self.happened["html"] += 1
            return web.Response(text=_PAGE, content_type="text/html")
        return None

    def _encoded(self, exchange: _Exchange) -> web.Response:
        answers, rng = exchange.answers, exchange.rng
        if exchange.is_batch and len(answers) > 1:
            if self._hits("unanswered", rng):
                self.happened["unanswered"] += 1
                answers.pop(rng.randrange(len(answers)))
            if self._hits("reorder", rng):
                self.happened["reorder"] += 1
                rng.shuffle(answers)
        body = json.dumps(answers if exchange.is_batch else answers[0], separators=(",", ":")).encode()
        if self._hits("cut_body", rng):
            self.happened["cut_body"] += 1
            body = body[: len(body) // 2]
        return web.Response(status=exchange.status, body=body, content_type="application/json")

    # ------------------------------------------------------------------------------------------------------ answers

    async def _answer(self, exchange: _Exchange) -> None:
        """The true answers, seen as this node sees them, and then lied about."""
        rng = exchange.rng
        behind = self._goes_on("lag", rng, lambda: rng.randrange(1, 12))
        if behind:
            exchange.answers = await self._answers_behind(exchange, behind)
        else:
            exchange.answers = await self._true_answers(exchange.questions)
        moment = self._goes_on("fork", rng, lambda: views.old_moment(rng, self.memory))
        mixed = moment is None and len(exchange.questions) > 1 and self._hits("mixed", rng)
        if moment is not None or mixed:
            self._look_back(exchange, views.old_moment(rng, self.memory) if mixed else moment, mixed=mixed)
        await self._lie_about_finality(exchange)
        self._refuse_wide_ranges(exchange)
        self._lie(exchange)

    async def _true_answers(self, questions: list[Question]) -> list[dict[str, Any]]:
        answers = await self._ask(questions)
        for question, answer in zip(questions, answers, strict=True):
            if "result" in answer:
                self.memory.learn(question, answer["result"])
        return answers

    async def _answers_behind(self, exchange: _Exchange, blocks: int) -> list[dict[str, Any]]:
        (head,) = await self._ask([{"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []}])
        top = max(0, int(head["result"], 16) - blocks)
        seen = [views.behind(question, top) for question in exchange.questions]
        told = iter(await self._true_answers([question for question, _ in seen if question is not None]))
        answers = []
        self.happened["lag"] += 1
        for asked, (question, result) in zip(exchange.questions, seen, strict=True):
            answer = _answer(asked, result) if question is None else next(told)
            if "result" in answer:
                answer["result"] = views.too_new(answer["result"], top)
            answers.append(answer)
        return answers

    def _look_back(self, exchange: _Exchange, moment: int, *, mixed: bool) -> None:
        for question, answer in zip(exchange.questions, exchange.answers, strict=True):
            if "result" not in answer or (mixed and exchange.rng.random() < 0.5):
                continue
            old = self.memory.as_of(moment, question, answer["result"])
            if old != answer["result"]:
                self.happened["mixed" if mixed else "fork"] += 1
                answer["result"] = old

    async def _lie_about_finality(self, exchange: _Exchange) -> None:
        for question, answer in zip(exchange.questions, exchange.answers, strict=True):
            if question["method"] != "eth_getBlockByNumber" or question["params"][0] != "finalized":
                continue
            if self._hits("orphan_final", exchange.rng):
                orphans = self.memory.orphans(await self._hashes(self.memory.heights))
                if orphans:
                    self.happened["orphan_final"] += 1
                    answer["result"] = exchange.rng.choice(orphans)
            elif self._hits("early_final", exchange.rng):
                (latest,) = await self._ask([{**question, "params": ["latest", False]}])
                self.happened["early_final"] += 1
                answer["result"] = latest["result"]

    def _refuse_wide_ranges(self, exchange: _Exchange) -> None:
        ranges = [(n, found) for n, question in enumerate(exchange.questions) if (found := _range(question))]
        if not ranges:
            return
        limit = self._goes_on("narrow", exchange.rng, lambda: exchange.rng.choice([1, 2, 5, 10, 30]))
        if limit is None:
            return
        for number, (first, last) in ranges:
            if last - first + 1 > limit:
                self.happened["narrow"] += 1
                exchange.status, error = refusal(exchange.rng, first, last, limit)
                exchange.answers[number] = _error(exchange.questions[number], error)

    def _lie(self, exchange: _Exchange) -> None:
        rng, answers = exchange.rng, exchange.answers
        for name, lie in LIES.items():
            if self._hits(name, rng):
                lies = [(n, lie(rng, answer["result"])) for n, answer in enumerate(answers) if "result" in answer]
                lies = [(n, lied) for n, lied in lies if lied is not None]
                if lies:
                    number, lied = rng.choice(lies)
                    self.happened[name] += 1
                    answers[number]["result"] = None if lied == NULL else lied
        if self._hits("other_chain", rng):
            for question, answer in zip(exchange.questions, answers, strict=True):
                if question["method"] == "eth_chainId":
                    self.happened["other_chain"] += 1
                    answer["result"] = "0x1"
        if self._hits("error", rng):
            number = rng.randrange(len(answers))
            self.happened["error"] += 1
            code, message = rng.choice(
                [(-32000, "header not found"), (-32603, "internal error"), (-32011, "no backend")]
            )
            question = exchange.questions[number]
            answers[number] = {"jsonrpc": "2.0", "id": question["id"], "error": {"code": code, "message": message}}

    # ------------------------------------------------------------------------------------------------ the real node

    async def _ask(self, questions: list[Question]) -> list[dict[str, Any]]:
        """Answers in the order of the questions. Raises aiohttp.ClientError."""
        if not questions:
            return []
        async with self._client.post(self.upstream, json=questions) as response:
            answers = json.loads(await response.read())
        by_id = {answer["id"]: answer for answer in answers}
        return [by_id[question["id"]] for question in questions]

    async def _hashes(self, numbers: list[int]) -> dict[int, str]:
        """What is on the chain now at these heights."""
        asked = [
            {"jsonrpc": "2.0", "id": number, "method": "eth_getBlockByNumber", "params": [hex(number), False]}
            for number in numbers
        ]
        answers = await self._ask(asked)
        return {answer["id"]: answer["result"]["hash"] for answer in answers if answer.get("result")}

    # ---------------------------------------------------------------------------------------------------- WebSocket

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if self._hits("ws_refuse", self._dice()):
            self.happened["ws_refuse"] += 1
            return web.Response(status=503)
        near = web.WebSocketResponse(max_msg_size=_LARGEST_BODY)
        await near.prepare(request)
        self._sockets.add(near)
        try:
            async with self._client.ws_connect(self.upstream.replace("http", "ws", 1), max_msg_size=0) as far:
                await self._carry(near, far)
        except aiohttp.ClientError:
            pass  # the real node is gone
        finally:
            self._sockets.discard(near)
            await _abort(near)
        return near

    async def _carry(self, near: web.WebSocketResponse, far: aiohttp.ClientWebSocketResponse) -> None:
        """Both ways, until either side ends."""

        async def asked() -> None:
            async for message in near:
                await far.send_str(message.data)

        async def told() -> None:
            said: list[str] = []
            async for message in far:
                if not await self._pass_on(near, message.data, said):
                    return

        ways = [asyncio.create_task(asked()), asyncio.create_task(told())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for way in ways:
                with suppress(asyncio.CancelledError, ConnectionError, aiohttp.ClientError):
                    await way

    async def _pass_on(self, near: web.WebSocketResponse, text: str, said: list[str]) -> bool:
        """False: cut. `said`: notifications before this one."""
        rng = self._dice()
        if self._hits("ws_cut", rng):
            self.happened["ws_cut"] += 1
            return False
        if self._hits("ws_silence", rng):
            self.happened["ws_silence"] += 1
            await self._healed.wait()
            return True
        if "eth_subscription" in text:
            if said and self._hits("ws_old", rng):
                self.happened["ws_old"] += 1
                text = rng.choice(said)
            said.append(text)
        await near.send_str(text)
        return True


def _answer(question: Question, result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": question["id"], "result": result}


def _error(question: Question, error: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": question["id"], "error": error}


def _range(question: Question) -> tuple[int, int] | None:
    """The first and last block of an `eth_getLogs` by numbers."""
    if question["method"] != "eth_getLogs":
        return None
    what = question["params"][0]
    bounds = [what.get("fromBlock", ""), what.get("toBlock", "")]
    if not all(bound.startswith("0x") for bound in bounds):
        return None
    return int(bounds[0], 16), int(bounds[1], 16)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _abort(socket: web.WebSocketResponse) -> None:
    """As when a cable is cut: no closing handshake."""
    transport = socket._req.transport if socket._req is not None else None  # aiohttp has no public way to it
    if transport is not None:
        transport.abort()
