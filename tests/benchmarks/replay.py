"""A node that only remembers: serves a recording over JSON-RPC, faster than anybody asks: nobody measures Anvil.

`python -m tests.benchmarks.replay FOLDER [--repeat 12] [--latencies-ms 0,50]` prints a URL for each latency and serves
until killed. The blocks with tips can be repeated with new numbers, hashes and transactions, for a longer chain whose
headers are as authentic as the first ones.
"""

import argparse
import asyncio
import gc
import gzip
import re
import subprocess
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import uvloop
from eth_utils.crypto import keccak

from deploy.local import chain as local_chain
from deploy.local.services import die_with_parent, end
from indexer import proof
from indexer.chain import Header
from indexer.topics import TIP_SPLIT
from tests.benchmarks.chain import RECORDING

_SAFE_BEHIND, _FINAL_BEHIND = 1, 2
"""Blocks, as Anvil has them with epochs of one block."""
_TX_HASH = re.compile(rb'("(?:transactionHash|hash)":"0x)[0-9a-f]{8}')
_LISTED_TX_HASH = re.compile(rb'"0x[0-9a-f]{8}')


class _Line(msgspec.Struct):
    block: msgspec.Raw
    receipts: msgspec.Raw


class _Receipt(msgspec.Struct):
    logs: list[msgspec.Raw]


class _Log(msgspec.Struct):
    address: str
    topics: list[str]


class _Transaction(msgspec.Struct):
    hash: str


class _Transactions(msgspec.Struct):
    transactions: list[_Transaction]


@dataclass
class _Block:
    """As it was recorded."""

    header: Header
    full: bytes
    """With its transactions."""
    tx_hashes: bytes
    """A JSON list."""
    receipts: bytes


@dataclass
class Memory:
    """All of a recorded chain, and which log says what."""

    blocks: list[_Block] = field(default_factory=list)
    logs: list[bytes] = field(default_factory=list)
    said: list[_Log] = field(default_factory=list)
    first_log: list[int] = field(default_factory=lambda: [0])
    """Of each block; and the end of the last one."""
    by_address: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_topic: list[dict[str, list[int]]] = field(default_factory=lambda: [defaultdict(list) for _ in range(4)])

    @classmethod
    def load(cls, folder: Path) -> "Memory":
        memory, lines = cls(), msgspec.json.Decoder(_Line)
        with gzip.open(folder / RECORDING) as file:
            for line in file:
                memory._add(lines.decode(line))
        return memory

    def _add(self, line: _Line) -> None:
        header = msgspec.json.decode(line.block, type=Header)
        hashes = [each.hash for each in msgspec.json.decode(line.block, type=_Transactions).transactions]
        self.blocks.append(_Block(header, bytes(line.block), msgspec.json.encode(hashes), bytes(line.receipts)))
        for receipt in msgspec.json.decode(line.receipts, type=list[_Receipt]):
            for raw in receipt.logs:
                number, log = len(self.logs), msgspec.json.decode(raw, type=_Log)
                self.logs.append(bytes(raw))
                self.said.append(log)
                self.by_address[log.address].append(number)
                for index, topic in zip(self.by_topic, log.topics, strict=False):
                    index[topic].append(number)
        self.first_log.append(len(self.logs))

    def find(self, first: int, last: int, what: dict[str, Any]) -> list[int]:
        """The logs of these blocks that a filter finds, as `eth_getLogs` defines it."""
        start, stop = self.first_log[first], self.first_log[last + 1]
        wanted = [(position, _many(each)) for position, each in enumerate(what.get("topics") or ()) if each]
        indexes = [(self.by_topic[position], values) for position, values in wanted]
        addresses = [each.lower() for each in _many(what.get("address") or ())]
        if addresses:
            indexes.append((self.by_address, addresses))
        if not indexes:
            return list(range(start, stop))
        slices = [list(_slices(index, values, start, stop)) for index, values in indexes]
        fewest = min(slices, key=lambda some: sum(map(len, some)))
        found = fewest[0] if len(fewest) == 1 else sorted(number for some in fewest for number in some)
        if len(indexes) == 1:
            return found
        whose, said = set(addresses), self.said
        by_position = [(position, set(values)) for position, values in wanted]
        return [
            number
            for number in found
            if (not whose or said[number].address in whose)
            and all(len(said[number].topics) > at and said[number].topics[at] in values for at, values in by_position)
        ]


def _many(values: str | Sequence[str]) -> Sequence[str]:
    return [values] if isinstance(values, str) else values


def _slices(index: dict[str, list[int]], values: Sequence[str], start: int, stop: int) -> Iterator[list[int]]:
    for value in set(values):
        numbers = index.get(value)
        if numbers is not None and (found := numbers[bisect_left(numbers, start) : bisect_left(numbers, stop)]):
            yield found


class Replay:
    """The chain that is served: the recorded blocks, those with tips `repeat` times."""

    def __init__(self, memory: Memory, repeat: int = 1) -> None:
        self.memory = memory
        with_tips = [bisect_left(memory.first_log, number + 1) - 1 for number in memory.by_topic[0].get(TIP_SPLIT, [0])]
        body, rest = range(with_tips[0], with_tips[-1] + 1), range(with_tips[-1] + 1, len(memory.blocks))
        self._recorded = [*range(body[0]), *(number for _ in range(repeat) for number in body), *rest]
        self._first_copy = body[-1] + 1 if repeat > 1 else len(memory.blocks)
        self._body = len(body)
        self._headers = [block.header for block in memory.blocks[: self._first_copy]]
        for number in range(self._first_copy, len(self._recorded)):
            self._headers.append(self._copied(number))
        self._numbers = {header.hash: number for number, header in enumerate(self._headers)}

    @property
    def newest(self) -> int:
        return len(self._headers) - 1

    def answer(self, method: str, parameters: list[Any]) -> bytes:
        """The result, as JSON. Raises LookupError for a method or a block it does not know."""
        if method == "eth_getLogs":
            return self._logs(parameters[0])
        if method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
            number = self._number(parameters[0])
            full = len(parameters) > 1 and parameters[1]
            return b"null" if number is None else self._block(number, full=full)
        if method == "eth_getBlockReceipts":
            number = self._number(parameters[0])
            return b"null" if number is None else self._receipts(number)
        if method == "eth_blockNumber":
            return b'"0x%x"' % self.newest
        return _CONSTANTS[method]

    def _number(self, which: Any) -> int | None:
        if isinstance(which, dict):
            which = which.get("blockHash") or which["blockNumber"]
        behind = _TAGS.get(which)
        if behind is not None:
            return 0 if which == "earliest" else max(0, self.newest - behind)
        if len(which) == _HASH_LENGTH:
            return self._numbers.get(which)
        number = int(which, 16)
        return number if number <= self.newest else None

    def _logs(self, what: dict[str, Any]) -> bytes:
        if what.get("blockHash"):
            first = last = self._numbers[what["blockHash"]]
        else:
            start, end = self._number(what.get("fromBlock", "latest")), self._number(what.get("toBlock", "latest"))
            if start is None:
                return b"[]"
            first, last = start, self.newest if end is None else end
        parts = []
        if first < self._first_copy:
            found = self.memory.find(first, min(last, self._first_copy - 1), what)
            parts.append(b",".join(map(self.memory.logs.__getitem__, found)))
        for number in range(max(first, self._first_copy), last + 1):
            recorded = self._recorded[number]
            if found := self.memory.find(recorded, recorded, what):
                parts.append(self._anew(number, b",".join(map(self.memory.logs.__getitem__, found))))
        return b"[%b]" % b",".join(filter(None, parts))

    def _block(self, number: int, *, full: bool) -> bytes:
        block = self.memory.blocks[self._recorded[number]]
        if full and number < self._first_copy:
            return block.full
        transactions = block.tx_hashes
        if number >= self._first_copy:
            transactions = _LISTED_TX_HASH.sub(b'"0x' + self._mark(number), transactions)
        if full:
            content = self._anew(number, msgspec.json.encode(msgspec.json.decode(block.full)["transactions"]))
            transactions = content
        header = msgspec.json.encode(self._headers[number])
        rest = b'"uncles":[],"withdrawals":[],"size":"0x400","totalDifficulty":"0x0"'
        return b'%b,%b,"transactions":%b}' % (_WITHOUT_NULLS.sub(b"", header)[:-1], rest, transactions)

    def _receipts(self, number: int) -> bytes:
        receipts = self.memory.blocks[self._recorded[number]].receipts
        return receipts if number < self._first_copy else self._anew(number, receipts)

    def _copied(self, number: int) -> Header:
        """Of a block that was not recorded at this height: on top of the one before, with a hash of its own."""
        before = self._headers[-1]
        header = msgspec.structs.replace(
            self.memory.blocks[self._recorded[number]].header,
            number=hex(number),
            parent_hash=before.hash,
            timestamp=hex(int(before.timestamp, 16) + 1),
        )
        return msgspec.structs.replace(header, hash="0x" + keccak(bytes.fromhex(proof._rlp(header))).hex())

    def _anew(self, number: int, content: bytes) -> bytes:
        """What was said of the recorded block, said of its copy."""
        old, new = self.memory.blocks[self._recorded[number]].header, self._headers[number]
        content = content.replace(old.hash.encode(), new.hash.encode())
        content = content.replace(b'"blockNumber":"%b"' % old.number.encode(), b'"blockNumber":"0x%x"' % number)
        return _TX_HASH.sub(rb"\g<1>" + self._mark(number), content)

    def _mark(self, number: int) -> bytes:
        """The first digits of a copied transaction's hash."""
        return b"%08x" % ((number - self._first_copy) // self._body)


_HASH_LENGTH = 66
_WITHOUT_NULLS = re.compile(rb',"[A-Za-z]+":null')
_TAGS = {"latest": 0, "pending": 0, "safe": _SAFE_BEHIND, "finalized": _FINAL_BEHIND, "earliest": 0}
_CONSTANTS = {
    "eth_chainId": b'"0x%x"' % local_chain.CHAIN_ID,
    "net_version": b'"%d"' % local_chain.CHAIN_ID,
    "eth_syncing": b"false",
    "web3_clientVersion": b'"replay"',
    "eth_gasPrice": b'"0x1"',
}


class _Request(msgspec.Struct):
    method: str
    id: msgspec.Raw = msgspec.Raw(b"null")
    params: list[Any] = []


_REQUESTS = msgspec.json.Decoder(list[_Request] | _Request)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class _Connection(asyncio.Protocol):
    """HTTP/1.1, as much of it as clients of JSON-RPC use. Answers come in the order of the requests."""

    def __init__(self, replay: Replay, latency_s: float) -> None:
        self._replay = replay
        self._latency_s = latency_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._received, 0, end)
            stop = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < stop:
                return
            body, self._received = self._received[end + 4 : stop], self._received[stop:]
            answer = self._answer(body)
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer)
            if self._latency_s:
                asyncio.get_running_loop().call_later(self._latency_s, self._write, head, answer)
            else:
                self._write(head, answer)

    def _write(self, head: bytes, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.writelines([head, answer])

    def _answer(self, body: bytes) -> bytes:
        try:
            asked = _REQUESTS.decode(body)
        except msgspec.MsgspecError:
            return b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no JSON-RPC"}}'
        if isinstance(asked, _Request):
            return self._one(asked)
        return b"[%b]" % b",".join(map(self._one, asked))

    def _one(self, asked: _Request) -> bytes:
        try:
            result = self._replay.answer(asked.method, asked.params)
        except (LookupError, ValueError) as error:
            said = msgspec.json.encode(f"{asked.method}: {error!r}")
            return b'{"jsonrpc":"2.0","id":%b,"error":{"code":-32601,"message":%b}}' % (bytes(asked.id), said)
        return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (bytes(asked.id), result)


@contextmanager
def running(folder: Path, *, repeat: int = 1, latencies_ms: Sequence[int] = (0,)) -> Iterator[list[str]]:
    """A server in a process of its own; yields its URLs, one for each latency."""
    command = [sys.executable, "-m", "tests.benchmarks.replay", str(folder), "--repeat", str(repeat)]
    command += ["--latencies-ms", ",".join(map(str, latencies_ms))]
    process = subprocess.Popen(
        command,
        cwd=local_chain.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509
    )
    assert process.stdout is not None
    try:
        urls = process.stdout.readline().split()
        if not urls:
            raise RuntimeError(f"the replay server of {folder} did not start")
        yield urls
    finally:
        end(process)


async def _serve(replay: Replay, latencies_ms: Sequence[int]) -> None:
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(partial(_Connection, replay, latency / 1000), "127.0.0.1", 0)
        for latency in latencies_ms
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(*(f"http://127.0.0.1:{port}" for port in ports), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.replay")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--latencies-ms", default="0")
    arguments = parser.parse_args()
    gc.disable()
    replay = Replay(Memory.load(arguments.folder), arguments.repeat)
    gc.freeze()
    uvloop.run(_serve(replay, [int(each) for each in arguments.latencies_ms.split(",")]))


if __name__ == "__main__":
    main()
