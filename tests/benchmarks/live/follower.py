"""The bare follower: a new head comes by WebSocket, its logs are asked for, inserted, committed. Nothing is proven.

What anybody would write first, and the least that a Python process can do: one question, one table, one transaction a
block. It does not notice a reorganisation, a lagging node, or a log left out. WS_URL, DATABASE_URL, ADDRESSES
(comma-separated) and FIRST_BLOCK come from the environment.
"""

import asyncio
import itertools
import json
import os
from typing import Any

import psycopg
import websockets

_TABLE = """
CREATE TABLE log (block_number bigint, log_index int, block_hash bytea NOT NULL, transaction_hash bytea NOT NULL,
    address bytea NOT NULL, topic0 bytea, topic1 bytea, topic2 bytea, topic3 bytea, data bytea NOT NULL,
    PRIMARY KEY (block_number, log_index))"""
_INSERT = "INSERT INTO log VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_LARGEST_ANSWER_BYTES = 256 * 2**20

Log = dict[str, Any]


class Node:
    """One WebSocket: questions are answered in order, heads come in between."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._heads: list[Log] = []

    async def ask(self, method: str, *parameters: Any) -> Any:
        id_ = next(self._ids)
        await self._socket.send(json.dumps({"jsonrpc": "2.0", "id": id_, "method": method, "params": parameters}))
        while (said := json.loads(await self._socket.recv())).get("id") != id_:
            self._heads.append(said["params"]["result"])
        return said["result"]

    async def head(self) -> Log:
        if self._heads:
            return self._heads.pop(0)
        return json.loads(await self._socket.recv())["params"]["result"]


async def follow(url: str, database_url: str, addresses: list[str], first_block: int) -> None:
    connection = await psycopg.AsyncConnection.connect(database_url)
    await connection.execute(_TABLE)
    await connection.commit()
    async with websockets.connect(url, max_size=_LARGEST_ANSWER_BYTES, compression=None) as socket:
        node = Node(socket)
        await node.ask("eth_subscribe", "newHeads")
        latest = await node.ask("eth_blockNumber")
        range_ = {"fromBlock": hex(first_block), "toBlock": latest}
        await _insert(connection, await node.ask("eth_getLogs", {**range_, "address": addresses}))
        while True:
            head = await node.head()
            if int(head["number"], 16) > int(latest, 16):
                found = await node.ask("eth_getLogs", {"blockHash": head["hash"], "address": addresses})
                await _insert(connection, found)


async def _insert(connection: psycopg.AsyncConnection, logs: list[Log]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(_INSERT, [_row(log) for log in logs])
    await connection.commit()


def _row(log: Log) -> tuple[Any, ...]:
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    return (
        int(log["blockNumber"], 16),
        int(log["logIndex"], 16),
        *(bytes.fromhex(log[name][2:]) for name in ("blockHash", "transactionHash", "address")),
        *topics,
        *[None] * (4 - len(topics)),
        bytes.fromhex(log["data"][2:]),
    )


if __name__ == "__main__":
    given = os.environ
    asyncio.run(
        follow(given["WS_URL"], given["DATABASE_URL"], given["ADDRESSES"].split(","), int(given["FIRST_BLOCK"]))
    )
