"""JSON-RPC to several providers, one at a time; a provider that fails or lies is left for the next one at once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog

log = structlog.get_logger("indexer.chain")

_HTTP_OK = 200
_QUESTIONS_PER_REQUEST = 64
_LIMIT_CODES = (-32005, -32029, 429)


class Unavailable(Exception):
    """The provider did not answer, or not with what was asked for. It may if asked again, or another one may."""


class RangeRefused(Unavailable):
    """The provider will not answer for that many blocks or logs at once; fewer may do."""


class Header(msgspec.Struct, rename="camel", frozen=True):
    """A block header as `eth_getBlockByNumber` gives it: every quantity and every byte string in hex."""

    number: str
    hash: str
    parent_hash: str
    sha3_uncles: str
    miner: str
    state_root: str
    transactions_root: str
    receipts_root: str
    logs_bloom: str
    difficulty: str
    gas_limit: str
    gas_used: str
    timestamp: str
    extra_data: str
    mix_hash: str
    nonce: str
    base_fee_per_gas: str | None = None
    withdrawals_root: str | None = None
    blob_gas_used: str | None = None
    excess_blob_gas: str | None = None
    parent_beacon_block_root: str | None = None
    requests_hash: str | None = None

    @property
    def height(self) -> int:
        return int(self.number, 16)


class Log(msgspec.Struct, rename="camel", frozen=True):
    """A log as `eth_getLogs` gives it, hex throughout."""

    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """(block number, index in the block): the natural key of whatever the log says."""
        return int(self.block_number, 16), int(self.log_index, 16)


class Receipt(msgspec.Struct, rename="camel", frozen=True):
    """A receipt as `eth_getBlockReceipts` gives it; `receipts` proves that a block's are complete."""

    transaction_hash: str
    transaction_index: str
    cumulative_gas_used: str
    logs_bloom: str
    logs: list[Log]
    type: str = "0x0"
    status: str | None = None
    root: str | None = None
    """In place of `status` before Byzantium."""
    deposit_nonce: str | None = None
    deposit_receipt_version: str | None = None
    """Both of deposits on OP-stack chains; the version since Canyon."""


class _Error(msgspec.Struct):
    message: str
    code: int = 0


class _Answer(msgspec.Struct):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


_ANSWERS = msgspec.json.Decoder(list[_Answer] | _Answer)
_HEADER = msgspec.json.Decoder(Header | None)
_LOGS = msgspec.json.Decoder(list[Log])
_RECEIPTS = msgspec.json.Decoder(list[Receipt] | None)
_TEXT = msgspec.json.Decoder(str)

Answer = TypeVar("Answer")
Question = tuple[str, list[Any]]
LogFilter = dict[str, Any]


@dataclass(frozen=True)
class Heads:
    """The newest block, and those the node calls safe and finalized (None: it knows no such tag)."""

    latest: Header
    safe: Header | None
    finalized: Header | None


@dataclass
class Provider:
    """One endpoint. Its URL may carry a key, so that only `name` is ever logged."""

    url: str
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


class Chain:
    """The chain through whichever provider is current. Use as an async context manager."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        timeout_seconds: float = 15.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.providers = [Provider(url) for url in urls]
        self._current = 0
        headers = {"content-type": "application/json"}
        self._http = httpx.AsyncClient(timeout=timeout_seconds, headers=headers, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    @property
    def provider(self) -> Provider:
        return self.providers[self._current]

    def leave_provider(self, outcome: str, why: str) -> None:
        """Goes on with the next provider, so that the same question is not put to the same one again at once."""
        self.provider.outcomes[outcome] += 1
        log.warning("provider_left", provider=self.provider.name, outcome=outcome, why=why)
        self._current = (self._current + 1) % len(self.providers)

    def apart(self, turn: int = 0) -> "Chain":
        """The same providers, chosen on its own: leaving one here leaves it nowhere else. `turn`: so many further on
        than the current one. It ends with this one."""
        other = copy(self)
        other._current = (self._current + turn) % len(self.providers)
        return other

    async def chain_id(self) -> int:
        return int(self._read(_TEXT, (await self.ask([("eth_chainId", [])]))[0]), 16)

    async def heads(self) -> Heads:
        """Newest, safe and finalized header in one request. Raises Unavailable."""
        tags = ("latest", "safe", "finalized")
        answers = await self._ask_all([("eth_getBlockByNumber", [tag, False]) for tag in tags])
        latest, safe, finalized = (self._read(_HEADER, a.result) if a.error is None else None for a in answers)
        if latest is None:
            raise Unavailable(f"{self.provider.name} does not tell its newest block")
        return Heads(latest, safe, finalized)

    async def headers(self, numbers: Iterable[int]) -> list[Header]:
        """The headers at these heights, in this order. Raises Unavailable when the provider lacks one."""
        wanted = list(numbers)
        answers = await self.ask([("eth_getBlockByNumber", [hex(number), False]) for number in wanted])
        found = [self._read(_HEADER, answer) for answer in answers]
        for number, header in zip(wanted, found, strict=True):
            if header is None or header.height != number:
                raise Unavailable(f"{self.provider.name} has no block {number}")
        return [header for header in found if header is not None]

    async def logs(self, filters: Sequence[LogFilter], *, reaching: tuple[int, str] | None = None) -> list[Log]:
        """What all these filters find, together.

        `reaching`: number and hash of a block that must be on the chain of whoever answers. It is asked in the same
        request, so that a node that lags behind others under one address cannot answer with less and pass.
        Raises RangeRefused when the node refuses a filter, and Unavailable.
        """
        found: list[Log] = []
        for start in range(0, len(filters), _QUESTIONS_PER_REQUEST - 1):
            questions: list[Question] = [
                ("eth_getLogs", [each]) for each in filters[start:][: _QUESTIONS_PER_REQUEST - 1]
            ]
            if reaching is not None:
                questions.append(("eth_getBlockByNumber", [hex(reaching[0]), False]))
            try:
                answers = await self.ask(questions)
            except _Refused as error:
                raise RangeRefused(str(error)) from error
            if reaching is not None:
                header = self._read(_HEADER, answers.pop())
                if header is None or header.hash != reaching[1]:
                    raise Unavailable(f"{self.provider.name} answered without having block {reaching[0]}")
            found += [log for answer in answers for log in self._read(_LOGS, answer)]
        return found

    async def receipts(self, block_hash: str) -> list[Receipt]:
        """All receipts of the block, in order, as the node tells them. Raises Unavailable."""
        (found,) = await self.receipts_of([block_hash])
        return found

    async def receipts_of(self, block_hashes: Sequence[str]) -> list[list[Receipt]]:
        """Those of several blocks, each by its hash. Raises Unavailable when the provider lacks one."""
        answers = await self.ask([("eth_getBlockReceipts", [each]) for each in block_hashes])
        found = [self._read(_RECEIPTS, answer) for answer in answers]
        for block_hash, receipts in zip(block_hashes, found, strict=True):
            if receipts is None:
                raise Unavailable(f"{self.provider.name} has no receipts of block {block_hash}")
        return [receipts for receipts in found if receipts is not None]

    async def call(self, calls: Sequence[tuple[str, str]], block_hash: str) -> list[bytes]:
        """Answers of `eth_call` (address, calldata in hex) in the state of exactly that block."""
        at = {"blockHash": block_hash}
        answers = await self.ask([("eth_call", [{"to": to, "data": data}, at]) for to, data in calls])
        return [bytes.fromhex(self._read(_TEXT, answer)[2:]) for answer in answers]

    async def ask(self, questions: Sequence[Question]) -> list[msgspec.Raw]:
        """Raw results in the order of the questions. Raises Unavailable when any of them has none."""
        answers = await self._ask_all(questions)
        for answer in answers:
            if answer.error is not None:
                raise _Refused(f"{self.provider.name}: {answer.error.message} ({answer.error.code})")
        return [answer.result for answer in answers]

    def _read(self, decoder: msgspec.json.Decoder[Answer], result: msgspec.Raw) -> Answer:
        try:
            return decoder.decode(result)
        except msgspec.MsgspecError as error:
            raise Unavailable(f"{self.provider.name} answered with something else: {error}") from error

    async def _ask_all(self, questions: Sequence[Question]) -> list[_Answer]:
        answers: list[_Answer] = []
        for start in range(0, len(questions), _QUESTIONS_PER_REQUEST):
            answers += await self._post(questions[start : start + _QUESTIONS_PER_REQUEST])
        self.provider.outcomes["ok"] += 1
        return answers

    async def _post(self, questions: Sequence[Question]) -> list[_Answer]:
        body = msgspec.json.encode(
            [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
                for number, (method, parameters) in enumerate(questions)
            ]
        )
        try:
            response = await self._http.post(self.provider.url, content=body)
            if response.status_code != _HTTP_OK:
                raise Unavailable(f"{self.provider.name} answered HTTP {response.status_code}")
            answers = _ANSWERS.decode(response.content)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise Unavailable(f"{self.provider.name}: {error!r}") from error
        return self._in_order(answers, len(questions))

    def _in_order(self, answers: list[_Answer] | _Answer, count: int) -> list[_Answer]:
        if isinstance(answers, _Answer):
            said = answers.error.message if answers.error else "one answer to several questions"
            raise Unavailable(f"{self.provider.name}: {said}")
        ordered = sorted(answers, key=lambda answer: -1 if answer.id is None else answer.id)
        if [answer.id for answer in ordered] != list(range(count)):
            raise Unavailable(f"{self.provider.name} left questions of a batch unanswered")
        for answer in ordered:
            if answer.error is not None and answer.error.code in _LIMIT_CODES:
                raise Unavailable(f"{self.provider.name}: {answer.error.message}")
        return ordered


class _Refused(Unavailable):
    """The provider answered one question with an error."""
