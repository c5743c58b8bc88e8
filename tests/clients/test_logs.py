"""Nodes that answer for short ranges only are asked in halves, and nothing is left out or told twice."""

import json

import httpx
import pytest

from molt.chain import Rpc, RpcRefused

HEAD = 10_000


def a_node(widest: int) -> Rpc:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        if asked["method"] == "eth_getBlockByNumber":
            return said(asked, {"number": hex(HEAD), "timestamp": "0x1"})
        query = asked["params"][0]
        first = int(query["fromBlock"], 16)
        last = HEAD if query["toBlock"] == "latest" else int(query["toBlock"], 16)
        if last - first >= widest:
            return httpx.Response(200, json={"id": asked["id"], "error": {"code": -32005, "message": "range too wide"}})
        return said(asked, [a_log(number) for number in range(first, last + 1) if number % 777 == 0])

    return Rpc("http://node", transport=httpx.MockTransport(answer))


def said(asked: dict[str, object], result: object) -> httpx.Response:
    return httpx.Response(200, json={"id": asked["id"], "result": result})


def a_log(number: int) -> dict[str, object]:
    return {
        "address": "0x" + "11" * 20,
        "topics": [],
        "data": "0x",
        "transactionHash": "0x" + "22" * 32,
        "logIndex": "0x0",
        "blockNumber": hex(number),
    }


@pytest.mark.parametrize("widest", [20_000, 1_000, 7])
def test_all_are_found_once_and_in_order(widest: int) -> None:
    found = a_node(widest).logs("0x" + "11" * 20, from_block=5, topics=[])
    assert [log.block_number for log in found] == [number for number in range(5, HEAD + 1) if number % 777 == 0]


def test_who_refuses_one_block_refuses() -> None:
    with pytest.raises(RpcRefused, match="range too wide"):
        a_node(0).logs("0x" + "11" * 20, from_block=5, topics=[])
