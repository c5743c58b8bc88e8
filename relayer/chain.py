"""What a node is asked, over JSON-RPC, and what its answers mean. The only file that knows how nodes word things."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog

log = structlog.get_logger()

TIMEOUT_SECONDS = 10.0
AT_ONCE = 16
"""Questions on their way at the same time, of all keys."""
_ACCESS_REFUSED = {401, 403, 429}
_LIMIT_EXCEEDED = -32005  # EIP-1474: another node may still answer


class Unreachable(Exception):
    """No node gave a usable answer; ask again later. Says nothing about what a node did with what it was sent."""


class NodeError(Exception):
    """A node answered with an error."""

    def __init__(self, code: int, message: str, data: str | None) -> None:
        super().__init__(f"{message} ({code})")
        self.message = message
        self.data = data


class Answer(Enum):
    """What a node says to a transaction it is given."""

    TAKEN = "taken"
    """It has it now, or had it already."""
    NONCE_USED = "nonce_used"
    """A transaction with this nonce is mined: this one, or another."""
    FEE_TOO_LOW = "fee_too_low"
    NO_FUNDS = "no_funds"
    IMPOSSIBLE = "impossible"
    """No block can take it as it is."""
    LATER = "later"
    """Pool full, too many of ours, or something we do not know: give it the same bytes again."""


_WORDINGS: Sequence[tuple[Answer, tuple[str, ...]]] = (
    (Answer.TAKEN, ("already known", "already imported", "known transaction", "alreadyknown", "already exists")),
    (Answer.NONCE_USED, ("nonce too low", "nonce is too low", "oldnonce")),
    (Answer.FEE_TOO_LOW, ("underpriced", "less than block base fee", "less than base fee", "gas price too low")),
    (Answer.NO_FUNDS, ("insufficient funds", "insufficient balance")),
    (
        Answer.IMPOSSIBLE,
        (
            "intrinsic gas too",
            "exceeds block gas limit",
            "exceeds transaction gas limit",
            "gas limit too high",
            "oversized data",
            "invalid chain id",
            "cap higher than max fee",
        ),
    ),
)
"""As geth, op-geth, reth and anvil word it, lower case; the first match counts."""


@dataclass(frozen=True, slots=True)
class Head:
    number: int
    hash: bytes
    base_fee_wei: int


@dataclass(frozen=True, slots=True)
class Receipt:
    tx_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price_wei: int


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction before it has a nonce."""

    sender: bytes
    to: bytes
    data: bytes
    value_wei: int
    gas_limit: int | None = None


class Chain:
    """A chain behind one or more nodes; a node that fails is left for the next one."""

    def __init__(self, urls: Sequence[str], client: httpx.AsyncClient) -> None:
        self._urls = list(urls)
        self._client = client
        self._ids = itertools.count(1)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def chain_id(self) -> int:
        return int(await self._read("eth_chainId"), 16)

    async def genesis(self) -> bytes:
        """The hash of block 0."""
        found = await self.block_hash(0)
        if found is None:
            raise Unreachable("the node has no block 0")
        return found

    async def head(self) -> Head:
        block = await self._read("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - JSON-RPC is positional
        return Head(_int(block["number"]), _bytes(block["hash"]), _int(block.get("baseFeePerGas", "0x0")))

    async def block_hash(self, number: int) -> bytes | None:
        block = await self._read("eth_getBlockByNumber", hex(number), False)  # noqa: FBT003
        return None if block is None else _bytes(block["hash"])

    async def finalized_number(self) -> int:
        block = await self._read("eth_getBlockByNumber", "finalized", False)  # noqa: FBT003
        return 0 if block is None else _int(block["number"])

    async def nonce(self, address: bytes, block: str = "latest") -> int:
        """How many transactions of `address` are mined up to `block` (a tag or a hex number)."""
        return _int(await self._read("eth_getTransactionCount", _hex(address), block))

    async def balance(self, address: bytes) -> int:
        return _int(await self._read("eth_getBalance", _hex(address), "latest"))

    async def priority_fee(self) -> int:
        return _int(await self._read("eth_maxPriorityFeePerGas"))

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        found = await self._read("eth_getTransactionReceipt", _hex(tx_hash))
        if found is None or found.get("blockHash") is None:
            return None
        return Receipt(
            tx_hash=tx_hash,
            block_number=_int(found["blockNumber"]),
            block_hash=_bytes(found["blockHash"]),
            succeeded=_int(found["status"]) == 1,
            gas_used=_int(found["gasUsed"]),
            gas_price_wei=_int(found["effectiveGasPrice"]),
        )

    async def estimate_gas(self, call: Call, block: str) -> int:
        """Raises NodeError when it would revert (or the node cannot tell)."""
        return _int(await self._ask("eth_estimateGas", _call(call), block))

    async def call(self, call: Call, block: str) -> bytes:
        """Raises NodeError when it reverts (or the node cannot tell)."""
        return _bytes(await self._ask("eth_call", _call(call), block))

    async def send(self, raw: bytes) -> tuple[Answer, str]:
        """Gives signed bytes to a node; the second is what it said. Raises Unreachable: then nobody knows."""
        try:
            await self._ask("eth_sendRawTransaction", _hex(raw))
        except NodeError as error:
            return classified(error.message), error.message
        return Answer.TAKEN, ""

    async def _read(self, method: str, *parameters: Any) -> Any:
        """A question to which an error is no answer, only a node in trouble."""
        try:
            return await self._ask(method, *parameters)
        except NodeError as error:
            raise Unreachable(f"{method}: {error}") from error

    async def _ask(self, method: str, *parameters: Any) -> Any:
        failures: list[str] = []
        for url in list(self._urls):
            try:
                return await self._ask_one(url, method, parameters)
            except (httpx.HTTPError, ValueError, KeyError) as error:
                # the exception may quote the URL, which may hold the provider's key
                failures.append(f"{urlsplit(url).hostname}: {_what(error)}")
                self._leave(url)
        raise Unreachable(f"{method}: {'; '.join(failures)}")

    async def _ask_one(self, url: str, method: str, parameters: tuple[Any, ...]) -> Any:
        question = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": parameters}
        async with self._turns:
            response = await self._client.post(url, json=question, timeout=TIMEOUT_SECONDS)
        if response.is_server_error or response.status_code in _ACCESS_REFUSED:
            response.raise_for_status()
        answer = response.json()
        if "error" not in answer:
            return answer["result"]
        raise _error(answer["error"])

    def _leave(self, url: str) -> None:
        """Asks the other nodes first from now on."""
        if len(self._urls) > 1 and self._urls[0] == url:
            self._urls.append(self._urls.pop(0))
            log.warning("rpc_node_left", host=urlsplit(url).hostname)


def classified(message: str) -> Answer:
    """What a node's refusal means for us."""
    said = message.lower()
    for answer, wordings in _WORDINGS:
        if any(wording in said for wording in wordings):
            return answer
    return Answer.LATER


def _error(error: dict[str, Any]) -> Exception:
    code, message, data = int(error.get("code", 0)), str(error.get("message", "")), error.get("data")
    if code == _LIMIT_EXCEEDED:
        return ValueError(message)
    return NodeError(code, message, data if isinstance(data, str) else None)


def _what(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return type(error).__name__


def _call(call: Call) -> dict[str, str]:
    fields = {"from": _hex(call.sender), "to": _hex(call.to), "data": _hex(call.data), "value": hex(call.value_wei)}
    return fields if call.gas_limit is None else {**fields, "gas": hex(call.gas_limit)}


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _int(value: str) -> int:
    return int(value, 16)


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))
