"""The chain's view functions over JSON-RPC: the first provider that answers. Nothing here sends anything.

Figures about money come from the ledger. Here is asked only what the ledger does not hold: a payer's balance, allowance
and code, whether USDC blacklists an address, what a contract wallet says of a signature.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_REVERT_CODES = {3, -32000, -32015}
_REVERT_WORDS = ("revert", "invalid opcode", "out of gas", "stack underflow", "invalid jump", "call to non-contract")


class NodeUnavailable(Exception):
    """No provider of the chain answers. May succeed if tried again."""


class CallReverted(Exception):
    """The contract refused; `data` is its error."""

    def __init__(self, message: str, data: bytes) -> None:
        super().__init__(message)
        self.data = data


@dataclass(frozen=True)
class Log:
    """One event."""

    address: bytes
    topics: list[bytes]
    data: bytes
    block_number: int
    log_index: int
    tx_hash: bytes


class Node:
    """One chain behind one or more RPC URLs, asked in their order until one answers."""

    def __init__(self, rpc_urls: Sequence[str], *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._urls = list(rpc_urls)
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, transport=transport)
        self._ids = itertools.count(1)

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, to: bytes, data: bytes, *, sender: bytes | None = None) -> bytes:
        """`eth_call` at the newest block. Raises CallReverted and NodeUnavailable."""
        message = {"to": _hex(to), "data": _hex(data)} | ({"from": _hex(sender)} if sender else {})
        return _bytes(await self._ask("eth_call", message, "latest"))

    async def deploy_call(self, code: bytes) -> bytes:
        """What constructor code returns, run by `eth_call` without a recipient (ERC-6492 checks). Raises as `call`."""
        return _bytes(await self._ask("eth_call", {"data": _hex(code)}, "latest"))

    async def code(self, address: bytes) -> bytes:
        """Empty for an ordinary account."""
        return _bytes(await self._ask("eth_getCode", _hex(address), "latest"))

    async def chain_id(self) -> int:
        return int(await self._ask("eth_chainId"), 16)

    async def time(self) -> int:
        """The newest block's timestamp, unix seconds."""
        block = await self._ask("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - the protocol's own argument
        return int(block["timestamp"], 16)

    async def logs(
        self, address: bytes, topics: Sequence[Sequence[bytes] | bytes | None], *, from_block: int
    ) -> list[Log]:
        """Raises NodeUnavailable also when the node refuses so wide a range."""
        asked = [t if t is None else _hex(t) if isinstance(t, bytes) else [_hex(one) for one in t] for t in topics]
        query = {"address": _hex(address), "topics": asked, "fromBlock": hex(from_block), "toBlock": "latest"}
        try:
            return [_log(entry) for entry in await self._ask("eth_getLogs", query)]
        except CallReverted as error:
            raise NodeUnavailable(str(error)) from error

    async def _ask(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        refusals = []
        for url in self._urls:
            try:
                answer = (await self._http.post(url, json=body)).json()
            except (httpx.HTTPError, ValueError) as error:
                refusals.append(type(error).__name__)
                continue
            if isinstance(answer, dict) and "result" in answer:
                return answer["result"]
            problem = answer.get("error") if isinstance(answer, dict) else None
            if isinstance(problem, dict) and _is_revert(problem):
                raise CallReverted(str(problem.get("message")), _revert_data(problem))
            refusals.append(str(problem)[:100])
        raise NodeUnavailable(f"{method}: {'; '.join(refusals)}")


def _is_revert(problem: dict[str, Any]) -> bool:
    message = str(problem.get("message", "")).lower()
    return problem.get("code") in _REVERT_CODES and any(word in message for word in _REVERT_WORDS)


def _revert_data(problem: dict[str, Any]) -> bytes:
    data = problem.get("data")
    data = data.get("data") if isinstance(data, dict) else data
    try:
        return _bytes(data) if isinstance(data, str) else b""
    except ValueError:
        return b""


def _log(entry: dict[str, Any]) -> Log:
    return Log(
        address=_bytes(entry["address"]),
        topics=[_bytes(topic) for topic in entry["topics"]],
        data=_bytes(entry["data"]),
        block_number=int(entry["blockNumber"], 16),
        log_index=int(entry["logIndex"], 16),
        tx_hash=_bytes(entry["transactionHash"]),
    )


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(value: Any) -> bytes:
    return bytes.fromhex(str(value).removeprefix("0x"))
