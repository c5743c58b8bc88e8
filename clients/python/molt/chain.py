"""The chain over JSON-RPC, with nothing but httpx: read, send a raw transaction, wait for its receipt."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
from eth_abi.abi import decode, encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from molt.problems import ChainRefused, InsufficientFunds, MoltError, OutcomeUnknown, Unreachable

RECEIPT_TIMEOUT_SECONDS = 120.0
_POLL_SECONDS = 0.4


@dataclass(frozen=True)
class Log:
    """One event as the node gives it."""

    address: str
    topics: tuple[str, ...]
    data: bytes
    tx_hash: str
    log_index: int
    block_number: int


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction. `succeeded` is false when it was mined and reverted."""

    tx_hash: str
    block_number: int
    succeeded: bool
    gas_used: int
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class Block:
    number: int
    timestamp: int
    base_fee_wei: int


class RpcRefused(MoltError):
    """The node answered with an error; `data` carries a revert's bytes when it was one."""

    code = "RPC_REFUSED"

    def __init__(self, method: str, message: str, data: bytes) -> None:
        super().__init__(f"{method}: {message}")
        self.message = message
        self.data = data


class Rpc:
    """One JSON-RPC endpoint."""

    def __init__(
        self, url: str, *, transport: httpx.BaseTransport | None = None, timeout_seconds: float = 20.0
    ) -> None:
        self.url = url
        self._http = httpx.Client(transport=transport, timeout=httpx.Timeout(timeout_seconds, connect=5.0))
        self._ids = count(1)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, *params: Any) -> Any:
        """The `result`. Raises `RpcRefused` for an error answer and `Unreachable` when there is none."""
        call = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        try:
            answer = self._http.post(self.url, json=call)
            body = answer.json()
        except (httpx.TransportError, ValueError) as error:
            raise Unreachable(
                f"no answer from the chain at {self.url}: {error or type(error).__name__}",
                hint="`molt doctor` looks closer",
            ) from error
        if "error" in body:
            raise RpcRefused(method, str(body["error"].get("message")), _revert_data(body["error"]))
        return body.get("result")

    def chain_id(self) -> int:
        return int(self.ask("eth_chainId"), 16)

    def block(self, tag: str | int = "latest") -> Block:
        name = hex(tag) if isinstance(tag, int) else tag
        block = self.ask("eth_getBlockByNumber", name, False)  # noqa: FBT003  # the protocol's own argument
        if block is None:
            raise Unreachable(f"the chain at {self.url} has no block {name} yet")
        return Block(
            int(block["number"], 16), int(block["timestamp"], 16), int(block.get("baseFeePerGas") or "0x0", 16)
        )

    def has_code(self, address: str) -> bool:
        return str(self.ask("eth_getCode", address, "latest")) not in {"0x", "0x0"}

    def balance_wei(self, address: str) -> int:
        return int(self.ask("eth_getBalance", address, "latest"), 16)

    def read(
        self, to: str, signature: str, arguments: tuple[Any, ...] = (), *, returns: str, block: str = "latest"
    ) -> Any:
        """A view's answer: one value, or a tuple when `returns` names several types, as in `"address,uint8"`."""
        data = calldata(signature, *arguments)
        raw = bytes.fromhex(str(self.ask("eth_call", {"to": to, "data": data}, block))[2:])
        values = decode(returns.split(","), raw)
        return values[0] if len(values) == 1 else values

    def logs(
        self, address: str, *, from_block: int, topics: list[str | None], to_block: int | None = None
    ) -> list[Log]:
        """Up to the newest block unless told. A range that the node refuses is asked for in halves."""
        until = "latest" if to_block is None else hex(to_block)
        query = {"address": address, "fromBlock": hex(from_block), "toBlock": until, "topics": topics}
        try:
            return [_log(log) for log in self.ask("eth_getLogs", query)]
        except RpcRefused:
            last = self.block().number if to_block is None else to_block
            if last <= from_block:
                raise
        middle = (from_block + last) // 2
        return [
            *self.logs(address, from_block=from_block, topics=topics, to_block=middle),
            *self.logs(address, from_block=middle + 1, topics=topics, to_block=last),
        ]

    def receipt(self, tx_hash: str) -> Receipt | None:
        found = self.ask("eth_getTransactionReceipt", tx_hash)
        if found is None:
            return None
        return Receipt(
            tx_hash=found["transactionHash"],
            block_number=int(found["blockNumber"], 16),
            succeeded=int(found["status"], 16) == 1,
            gas_used=int(found["gasUsed"], 16),
            logs=tuple(_log(log) for log in found["logs"]),
        )

    def wait_for_receipt(
        self,
        tx_hash: str,
        *,
        timeout_seconds: float = RECEIPT_TIMEOUT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Receipt:
        """Raises `OutcomeUnknown` when the transaction is not mined in time, or nobody tells: it may still be."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            with suppress(Unreachable):
                if (receipt := self.receipt(tx_hash)) is not None:
                    return receipt
            sleep(_POLL_SECONDS)
        raise OutcomeUnknown(
            f"transaction {tx_hash} is sent and not mined after {timeout_seconds:.0f} s",
            hint="look it up later by its hash; do not pay again",
        )


def calldata(signature: str, *arguments: Any) -> str:
    """The call's bytes as 0x hex. `signature` is canonical, without nested tuples: `"approve(address,uint256)"`."""
    types = signature[signature.index("(") + 1 : -1]
    return "0x" + (keccak(text=signature)[:4] + encode(types.split(",") if types else [], arguments)).hex()


def topic(event_signature: str) -> str:
    return "0x" + keccak(text=event_signature).hex()


def checksummed(address: str) -> str:
    """EIP-55."""
    return str(to_checksum_address(address))


def address_in(word: str) -> str:
    """The address in the low 20 bytes of a topic."""
    return checksummed("0x" + word[-40:])


def refusal(error: RpcRefused, names: dict[bytes, tuple[str, str]]) -> MoltError:
    """A node's error as something a caller can act on. `names`: selector → (custom error, its argument types)."""
    if "insufficient funds" in error.message.lower():
        return InsufficientFunds(
            error.message, hint="this wallet needs some ETH for gas (`molt faucet ADDRESS` on a local chain)"
        )
    selector = error.data[:4]
    if selector == keccak(text="Error(string)")[:4]:
        (reason,) = decode(["string"], error.data[4:])
        return _by_reason(str(reason))
    if selector in names:
        name, types = names[selector]
        values = decode(types.split(","), error.data[4:]) if types else ()
        shown = ", ".join("0x" + v.hex() if isinstance(v, bytes) else str(v) for v in values)
        return ChainRefused(f"the contract refused: {name}({shown})", error_name=name)
    return ChainRefused(f"the chain refused: {error.message}")


def _by_reason(reason: str) -> MoltError:
    """USDC speaks in sentences."""
    if "exceeds balance" in reason:
        return InsufficientFunds(
            f"USDC refused: {reason}", hint="`molt faucet ADDRESS` gives test USDC on a local chain"
        )
    if "exceeds allowance" in reason:
        return InsufficientFunds(f"USDC refused: {reason}", hint="approve the splitter first, or tip by another rail")
    return ChainRefused(f"USDC refused: {reason}", error_name=reason)


def _revert_data(error: dict[str, Any]) -> bytes:
    data = error.get("data")
    if isinstance(data, dict):
        data = data.get("data")
    text = data if isinstance(data, str) else "0x"
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return b""


def _log(log: dict[str, Any]) -> Log:
    return Log(
        address=to_checksum_address(log["address"]),
        topics=tuple(log["topics"]),
        data=bytes.fromhex(log["data"][2:]),
        tx_hash=log["transactionHash"],
        log_index=int(log["logIndex"], 16),
        block_number=int(log["blockNumber"], 16),
    )
