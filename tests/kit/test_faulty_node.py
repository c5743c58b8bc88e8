"""Each fault really happens, and an honest faulty node is as good as the real one."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.indexer import world as worlds
from tests.indexer.conftest import world
from tests.indexer.world import World
from tests.kit.faults import NAMES, Faults
from tests.kit.faulty_node import FaultyNode

__all__ = ["world"]

Asked = tuple[str, list[Any]]


class Client:
    """Asks like any client does: by URL."""

    def __init__(self, node: FaultyNode, session: aiohttp.ClientSession) -> None:
        self.node, self.session = node, session

    async def post(self, *questions: Asked) -> tuple[int, bytes]:
        batch = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(questions)
        ]
        async with self.session.post(self.node.url, json=batch) as response:
            return response.status, await response.read()

    async def batch(self, *questions: Asked) -> list[dict[str, Any]]:
        status, body = await self.post(*questions)
        assert status == 200
        return sorted(json.loads(body), key=lambda answer: answer["id"])

    async def ask(self, method: str, *params: Any) -> Any:
        (answer,) = await self.batch((method, list(params)))
        return answer["result"]

    async def block(self, which: str | int, full: bool = False) -> Any:
        return await self.ask("eth_getBlockByNumber", which if isinstance(which, str) else hex(which), full)

    async def logs(self) -> Any:
        return await self.ask("eth_getLogs", _ALL)


_ALL = {"fromBlock": "0x1", "toBlock": "latest"}


@pytest.fixture
async def node(world: World) -> AsyncIterator[FaultyNode]:
    world.tip()
    world.tip()
    async with FaultyNode(world.rpc_url, seed=1) as node:
        yield node


@pytest.fixture
async def client(node: FaultyNode) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(node, session)


async def test_without_faults_it_says_what_the_node_says(node: FaultyNode, client: Client, world: World) -> None:
    head = hex(world.head()[0])  # not `latest`: Anvil may tell of a transaction before its block is that
    logs = {"fromBlock": "0x1", "toBlock": head}
    asked: list[Asked] = [("eth_chainId", []), ("eth_getBlockByNumber", [head, False]), ("eth_getLogs", [logs])]
    for answer, (method, params) in zip(await client.batch(*asked), asked, strict=True):
        assert answer["result"] == world.request(method, *params)
    assert not node.happened


async def test_it_hangs_up(node: FaultyNode, client: Client) -> None:
    node.faults = Faults(drop=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.post(("eth_chainId", []))


async def test_it_refuses_for_a_while_with_retry_after(node: FaultyNode, client: Client) -> None:
    node.faults = Faults(too_many=1, retry_after_seconds=3)
    async with client.session.post(node.url, json=[]) as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "3"
    node.heal()
    assert await client.ask("eth_chainId") == hex(84532)


@pytest.mark.parametrize(("faults", "statuses"), [(Faults(fail=1), {500, 502, 503}), (Faults(html=1), {200})])
async def test_it_answers_with_something_else(
    node: FaultyNode, client: Client, faults: Faults, statuses: set[int]
) -> None:
    node.faults = faults
    status, body = await client.post(("eth_chainId", []))
    assert status in statuses
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(body)


async def test_it_is_late(node: FaultyNode, client: Client) -> None:
    node.faults = Faults(delay=1, delay_seconds=0.01)
    await client.ask("eth_chainId")
    assert node.happened == {"delay": 1}


async def test_it_cuts_its_answer(node: FaultyNode, client: Client) -> None:
    node.faults = Faults(cut_body=1)
    _, body = await client.post(("eth_chainId", []))
    assert body.startswith(b"[{")
    with pytest.raises(ValueError, match=r".+"):
        json.loads(body)


async def test_it_leaves_questions_unanswered_or_answers_out_of_order(node: FaultyNode, client: Client) -> None:
    node.faults = Faults(unanswered=1)
    assert len(await client.batch(("eth_chainId", []), ("eth_blockNumber", []))) == 1
    node.faults = Faults(reorder=1)
    orders = set()
    for _ in range(20):
        _, body = await client.post(("eth_chainId", []), ("eth_blockNumber", []))
        orders.add(tuple(answer["id"] for answer in json.loads(body)))
    assert orders == {(0, 1), (1, 0)}


async def test_it_answers_one_question_with_an_error(node: FaultyNode, client: Client) -> None:
    node.faults = Faults(error=1)
    answers = await client.batch(("eth_chainId", []), ("eth_blockNumber", []))
    assert ["error" in answer for answer in answers].count(True) == 1


async def test_it_changes_logs(node: FaultyNode, client: Client) -> None:
    true = await client.logs()
    count = len(true)

    async def told(faults: Faults) -> list[Any]:
        node.faults = faults
        return list(await client.logs())

    assert await told(Faults(empty=1)) == []
    left = await told(Faults(leave_out=1))
    assert len(left) == count - 1
    assert all(log in true for log in left)
    assert await told(Faults(cut_tail=1)) == true[: count // 2]
    assert await told(Faults(shuffle=1)) == true[::-1]
    twice = await told(Faults(duplicate=1))
    assert len(twice) == count + 1
    assert [log for log in twice if twice.count(log) == 2]
    assert [log["removed"] for log in await told(Faults(removed=1))].count(True) == 1
    assert [log in true for log in await told(Faults(alter=1))].count(False) == 1


async def test_it_changes_receipts(node: FaultyNode, client: Client, world: World) -> None:
    block = hex(world.head()[0])
    true = await client.ask("eth_getBlockReceipts", block)
    node.faults = Faults(leave_out=1)
    lied = await client.ask("eth_getBlockReceipts", block)
    assert sum(len(receipt["logs"]) for receipt in lied) == sum(len(receipt["logs"]) for receipt in true) - 1
    node.faults = Faults(empty=1)
    assert await client.ask("eth_getBlockReceipts", block) is None


async def test_it_changes_headers(node: FaultyNode, client: Client) -> None:
    true = await client.block("latest")
    node.faults = Faults(alter=1)
    lied = await client.block("latest")
    assert [field for field in true if true[field] != lied[field]] != []
    assert true["hash"] == lied["hash"]


async def test_behind_it_answers_with_an_empty_success(node: FaultyNode, client: Client, world: World) -> None:
    world.mine(20)
    world.tip()
    head = world.head()[0]
    node.faults = Faults(lag=1)
    latest, block, logs, clipped = await client.batch(
        ("eth_getBlockByNumber", ["latest", False]),
        ("eth_getBlockByNumber", [hex(head), False]),
        ("eth_getLogs", [{"fromBlock": hex(head), "toBlock": hex(head)}]),
        ("eth_getLogs", [{"fromBlock": "0x1", "toBlock": hex(head)}]),
    )
    assert int(latest["result"]["number"], 16) < head
    assert block["result"] is None
    assert logs["result"] == []
    assert {log["blockNumber"] for log in clipped["result"]} < {log["blockNumber"] for log in await _truth(world)}
    by_hash = await client.ask("eth_getLogs", {"blockHash": "0x" + world.head()[1].hex()})
    assert by_hash == []


async def test_of_another_fork_it_tells_header_and_logs(node: FaultyNode, client: Client, world: World) -> None:
    head = world.head()[0]
    orphan, logs = await client.block(head), await client.logs()
    await client.block("latest")
    for _ in range(6):
        await client.ask("eth_chainId")
    world.sent.clear()
    world.reorganise(2)
    assert (await client.block(head))["hash"] != orphan["hash"]
    node.faults = Faults(fork=1)
    for _ in range(100):  # how old its view is is a matter of luck
        node._while.clear()
        if (await client.block(head)) == orphan and await client.logs() == logs:
            break
    assert (await client.block(head)) == orphan
    assert node.happened["fork"] >= 2


async def test_two_views_in_one_batch(node: FaultyNode, client: Client, world: World) -> None:
    head = world.head()[0]
    both = (("eth_getBlockByNumber", [hex(head), False]), ("eth_getBlockByNumber", ["latest", False]))
    old = {answer["result"]["hash"] for answer in await client.batch(*both)}
    for _ in range(6):
        await client.ask("eth_chainId")
    world.sent.clear()
    world.reorganise(2)
    await client.batch(*both)
    node.faults = Faults(mixed=1)
    told = [{answer["result"]["hash"] in old for answer in await client.batch(*both)} for _ in range(60)]
    assert {True, False} in told


async def test_it_calls_an_orphan_or_its_newest_block_final(node: FaultyNode, client: Client, world: World) -> None:
    orphan = await client.block("latest")
    world.sent.clear()
    world.reorganise(2)
    node.faults = Faults(orphan_final=1)
    assert (await client.block("finalized"))["hash"] == orphan["hash"]
    node.faults = Faults(early_final=1)
    assert (await client.block("finalized"))["hash"] == "0x" + world.head()[1].hex()


async def test_it_refuses_wide_ranges_in_many_words(node: FaultyNode, client: Client) -> None:
    node.faults = Faults(narrow=1)
    said = set()
    for _ in range(60):
        _, body = await client.post(("eth_getLogs", [{"fromBlock": "0x1", "toBlock": "0xff"}]))
        said.add(json.loads(body)[0]["error"]["message"][:20])
    assert len(said) >= 8
    assert "result" in (await client.batch(("eth_getLogs", [{"fromBlock": "0x1", "toBlock": "0x1"}])))[0]


async def test_it_names_another_chain(node: FaultyNode, client: Client) -> None:
    node.faults = Faults(other_chain=1)
    assert await client.ask("eth_chainId") == "0x1"


# ------------------------------------------------------------------------------------------------------------ WebSocket


async def _heads(client: Client) -> aiohttp.ClientWebSocketResponse:
    socket = await client.session.ws_connect(client.node.ws_url)
    await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
    assert "result" in await socket.receive_json(timeout=5)
    return socket


async def _told_of_the_head(socket: aiohttp.ClientWebSocketResponse, world: World) -> list[Any]:
    """What it says until it has told of the latest block: Anvil may be late with those before it."""
    head = "0x" + world.head()[1].hex()
    told = [await socket.receive_json(timeout=5)]
    while told[-1]["params"]["result"]["hash"] != head:
        told.append(await socket.receive_json(timeout=5))
    return told


async def test_heads_come_over_websocket(node: FaultyNode, client: Client, world: World) -> None:
    socket = await _heads(client)
    world.mine()
    await _told_of_the_head(socket, world)
    assert not node.happened
    await socket.close()


async def test_the_websocket_is_refused_and_cut(node: FaultyNode, client: Client, world: World) -> None:
    node.faults = Faults(ws_refuse=1)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await client.session.ws_connect(node.ws_url)
    node.faults = Faults(ws_cut=1)
    socket = await client.session.ws_connect(node.ws_url)
    await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
    assert (await socket.receive(timeout=5)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_the_websocket_falls_silent(node: FaultyNode, client: Client, world: World) -> None:
    socket = await _heads(client)
    world.mine()
    await _told_of_the_head(socket, world)
    node.faults = Faults(ws_silence=1)
    world.mine()
    with pytest.raises(TimeoutError):
        await socket.receive_json(timeout=0.3)
    assert not socket.closed
    await socket.close()


async def test_the_websocket_repeats_itself(node: FaultyNode, client: Client, world: World) -> None:
    socket = await _heads(client)
    world.mine()
    told = await _told_of_the_head(socket, world)
    node.faults = Faults(ws_old=1)
    world.mine()
    assert await socket.receive_json(timeout=5) in told
    await socket.close()


# ----------------------------------------------------------------------------------------------------------------- dice


async def test_the_same_seed_brings_the_same_faults(world: World) -> None:
    async def history() -> list[tuple[int, bytes]]:
        async with (
            aiohttp.ClientSession() as session,
            FaultyNode(world.rpc_url, seed=5, faults=Faults(fail=0.3, html=0.3, error=0.3)) as node,
        ):
            return [await Client(node, session).post(("eth_chainId", [])) for _ in range(30)]

    assert await history() == await history()


def test_every_fault_has_a_test() -> None:
    import inspect
    import sys

    source = inspect.getsource(sys.modules[__name__])
    assert [name for name in NAMES if f"{name}=" not in source] == []


async def _truth(world: worlds.World) -> Any:
    return world.request("eth_getLogs", _ALL)
