"""JSON-RPC to several providers. One that fails or lies rests, and the next one is asked at once.

Several tasks may ask at the same time. Each question goes to whoever is well when it is put; what a task makes of the
answer concerns the provider that gave it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from weakref import WeakKeyDictionary

import msgspec
import structlog

from indexer import hints, providers, wire
from indexer.providers import Provider
from indexer.wire import LARGEST_ANSWER_BYTES, Limited, Question, Refused, Reply, TimedOut, TooLarge, Wire

log = structlog.get_logger("indexer.chain")

_LONGEST_WAIT_SECONDS = 30.0
_LIMITS_BEFORE_GIVING_UP = 8


Unavailable = wire.Unavailable


class Behind(Unavailable):
    """The provider has not this block, which others may have; so may it soon."""


class RangeRefused(Unavailable):
    """The provider will not answer for that many blocks or logs at once; fewer may do, perhaps as many as it says."""

    def __init__(self, message: str, suggested_blocks: int | None = None) -> None:
        super().__init__(message)
        self.suggested_blocks = suggested_blocks


class Header(msgspec.Struct, rename="camel", frozen=True, gc=False):
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


class Log(msgspec.Struct, rename="camel", frozen=True, gc=False):
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


_HEADER = msgspec.json.Decoder(Header | None)
_LOGS = msgspec.json.Decoder(list[Log])
_RECEIPTS = msgspec.json.Decoder(list[Receipt] | None)
_TEXT = msgspec.json.Decoder(str)

Answer = TypeVar("Answer")
LogFilter = dict[str, Any]


@dataclass(frozen=True)
class Heads:
    """The newest block, and those the node calls safe and finalized (None: it knows no such tag)."""

    latest: Header
    safe: Header | None
    finalized: Header | None


_FAILURES = {each.__name__ for each in (Unavailable, RangeRefused, Refused, TimedOut, TooLarge, Limited)}
"""Whatever else makes somebody leave a provider is taken for a lie."""


class _Asked(NamedTuple):
    provider: Provider
    at: float


class Chain:
    """The chain, through whichever provider is well. Use as an async context manager."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        timeout_seconds: float = 15.0,
        first_rest_seconds: float = 1.0,
        questions_per_second: float = 0.0,
        largest_answer_bytes: int = LARGEST_ANSWER_BYTES,
        stale_seconds: float = 15.0,
    ) -> None:
        self.providers = [Provider(url, first_rest_seconds, questions_per_second) for url in urls]
        self._wire = Wire(timeout_seconds, largest_answer_bytes)
        self._asked: WeakKeyDictionary[asyncio.Task[Any], _Asked] = WeakKeyDictionary()
        self._probes: dict[Provider, asyncio.Task[None]] = {}
        self._stale_seconds = stale_seconds
        """So long the newest block may be the same before another provider is asked whether it is."""
        self._highest, self._highest_since = 0, time.monotonic()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for probe in self._probes.values():
            probe.cancel()
        await asyncio.gather(*self._probes.values(), return_exceptions=True)
        await self._wire.close()

    # ------------------------------------------------------------------------------------------------- who is asked

    @property
    def provider(self) -> Provider:
        """Who answered this task last; before it asked anything: who would be asked now."""
        return self.last_asked().provider

    def leave_provider(self, outcome: str, why: str, fault: Exception | None = None) -> None:
        """Lets the provider rest that this task asked last, or that `fault` came from (see `attributed`), so that the
        same question is not put to the same one again at once."""
        asked: _Asked = getattr(fault, "asked", None) or self.last_asked()
        self._leave(asked, outcome, why)

    def alone(self, number: int) -> "Chain":
        """One of the providers alone, without its strikes: who compares answers wants to know whose they are. What it
        allows us is shared. It ends with this one."""
        other = copy(self)
        other.providers = [self.providers[number].apart()]
        other._asked = WeakKeyDictionary()
        return other

    def blame(self, fault: Exception, told_by: object) -> None:
        """Whoever sees the fault later is to leave this one (`last_asked` of another task)."""
        vars(fault)["asked"] = told_by

    async def attributed(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Asks in this task. What it raises remembers whom this task asked last, whoever sees it later."""
        try:
            return await ask()
        except Exception as fault:
            if getattr(fault, "asked", None) is None:
                self.blame(fault, self.last_asked())
            raise

    def _leave(self, asked: _Asked, outcome: str, why: str, weight: int | None = None) -> None:
        provider, known = asked.provider, asked.at <= asked.provider.struck_at
        if known:
            return
        provider.outcomes[outcome] += 1
        if outcome == Behind.__name__ and weight is None:
            provider.fall_behind()
            return
        provider.strike(weight or (providers.FAILURE if outcome in _FAILURES else providers.LIE), asked.at)
        rest = round(provider.struck_until - time.monotonic(), 3)
        log.warning("provider_left", provider=provider.name, outcome=outcome, why=why, rest_seconds=rest)

    def last_asked(self) -> _Asked:
        """Whom this task asked last, and when."""
        task = asyncio.current_task() if _loop_runs() else None
        known = self._asked.get(task) if task is not None else None
        return known or _Asked(providers.next_up(self.providers), time.monotonic())

    async def _next_up(self, but: Sequence[Provider]) -> Provider:
        """Waits when all rest. Raises Unavailable when that would be too long."""
        provider = providers.next_up(self.providers, but)
        wait = providers.patience_seconds(provider)
        if wait > _LONGEST_WAIT_SECONDS:
            raise Unavailable(f"{provider.name} wants to be left alone for {wait:.0f} s")
        if wait > 0:
            await asyncio.sleep(wait)
            provider = providers.next_up(self.providers, but)
        self._probe_those_before(provider)
        return provider

    def _probe_those_before(self, chosen: Provider) -> None:
        """Asks those that we prefer, and that have rested, whether they are well again: nobody waits for it."""
        now = time.monotonic()
        for each in self.providers[: self.providers.index(chosen)]:
            if each.doubted and each.due <= now and each not in self._probes:
                probe = self._probes[each] = asyncio.create_task(self._probe(each))
                probe.add_done_callback(lambda _, each=each: self._probes.pop(each, None))  # type: ignore[misc]

    async def _probe(self, provider: Provider) -> None:
        if await self._header_of(provider, "latest") is not None:
            provider.succeed()

    # ---------------------------------------------------------------------------------------------------- questions

    async def chain_id(self) -> int:
        return int(self._read(_TEXT, (await self.ask([("eth_chainId", [])]))[0]), 16)

    async def heads(self) -> Heads:
        """Newest, safe and finalized header in one request; of a provider that stands still while others go on, only
        until that is noticed. Raises Unavailable."""
        heads = await self._heads()
        if await self._stands_still(heads.latest):
            self._leave(self.last_asked(), Behind.__name__, "others have newer blocks", providers.FAILURE)
            heads = await self._heads()
        return heads

    async def _stands_still(self, latest: Header) -> bool:
        """Whether another provider has had more blocks for a while. One more may be only a moment."""
        now = time.monotonic()
        if latest.height > self._highest:
            self._highest, self._highest_since = latest.height, now
        if now - self._highest_since < self._stale_seconds:
            return False
        self._highest_since = now
        told_by = self.provider
        for other in self.providers:
            if other.name != told_by.name and other.due <= now:
                theirs = await self._header_of(other, "latest")
                if theirs is not None and theirs.height > latest.height + 1:
                    return True
        return False

    async def _heads(self) -> Heads:
        tags = ("latest", "safe", "finalized")
        answers = await self._ask_all([("eth_getBlockByNumber", [tag, False]) for tag in tags])
        latest, safe, finalized = (self._read(_HEADER, a.result) if a.error is None else None for a in answers)
        if latest is None:
            raise Unavailable(f"{self.provider.name} does not tell its newest block")
        return Heads(latest, safe, finalized)

    async def agreed_final(self, told: Header) -> Header | None:
        """The newest block that both the provider that this task asked last (it `told` this one) and another one call
        final. None when no other tells, or when they do not agree on it. Two URLs of one host are one provider."""
        first, now = self.provider, time.monotonic()
        for other in self.providers:
            if other.name == first.name or other.due > now:
                continue
            theirs = await self._header_of(other, "finalized")
            if theirs is not None:
                lower, higher = (told, other) if told.height <= theirs.height else (theirs, first)
                there = await self._header_of(higher, hex(lower.height))
                if there is not None and there.hash == lower.hash:
                    return lower
        return None

    async def others_have(self, header: Header) -> bool:
        """Whether another provider than the one that this task asked last has this very block. Without another one,
        nobody contradicts."""
        if not self.several:
            return True
        told_by, now = self.provider, time.monotonic()
        for other in self.providers:
            if other.name != told_by.name and other.due <= now:
                theirs = await self._header_of(other, header.number)
                if theirs is not None:
                    return theirs.hash == header.hash
        return False

    @property
    def several(self) -> bool:
        """Whether there is another provider to ask."""
        return len({each.name for each in self.providers}) > 1

    async def _header_of(self, provider: Provider, block: str) -> Header | None:
        """As this provider tells it; None when it tells none."""
        asked = _Asked(provider, time.monotonic())
        try:
            (answer,) = await self._wire.put(provider, [("eth_getBlockByNumber", [block, False])])
            found: list[Header | None] = _decoded(provider, _HEADER, [answer.result])
        except Limited as limit:
            provider.limit(limit.seconds)
        except Unavailable as fault:
            self._leave(asked, Unavailable.__name__, str(fault))
        else:
            return found[0]
        return None

    async def headers(self, numbers: Iterable[int]) -> list[Header]:
        """The headers at these heights, in this order. Raises Behind when the provider lacks one, and Unavailable."""
        wanted = list(numbers)
        answers = await self.ask([("eth_getBlockByNumber", [hex(number), False]) for number in wanted])
        found = self._read_all(_HEADER, answers)
        for number, header in zip(wanted, found, strict=True):
            if header is None or header.height != number:
                raise Behind(f"{self.provider.name} has no block {number}")
        return [header for header in found if header is not None]

    async def logs(self, filters: Sequence[LogFilter], *, reaching: tuple[int, str] | None = None) -> list[Log]:
        """What all these filters find, together.

        `reaching`: number and hash of a block that must be on the chain of whoever answers. It is asked in the same
        request, so that a node that lags behind others under one address cannot answer with less and pass.
        Raises RangeRefused when the node refuses a filter by number, Behind, and Unavailable.
        """
        found: list[Log] = []
        together = min(each.allowance.batch for each in self.providers) - (reaching is not None) or 1
        for start in range(0, len(filters), together):
            questions: list[Question] = [("eth_getLogs", [each]) for each in filters[start : start + together]]
            if reaching is not None:
                questions.append(("eth_getBlockByNumber", [hex(reaching[0]), False]))
            answers = await self._ask_narrowly(questions)
            if reaching is not None:
                header = self._read(_HEADER, answers.pop())
                if header is None or header.hash != reaching[1]:
                    raise Behind(f"{self.provider.name} answered without having block {reaching[0]}")
            for logs in self._read_all(_LOGS, answers):
                found += logs
        return found

    async def _ask_narrowly(self, questions: Sequence[Question]) -> list[msgspec.Raw]:
        """As `ask`; but where fewer blocks may help, and fewer can be asked for, RangeRefused says so."""
        try:
            return await self.ask(questions)
        except (Refused, TooLarge, TimedOut) as fault:
            widest = max(
                (_width(parameters[0]) for method, parameters in questions if method == "eth_getLogs"), default=1
            )
            if widest == 1 or not (hints.may_be_range(str(fault)) or isinstance(fault, TooLarge | TimedOut)):
                raise
            raise RangeRefused(str(fault), hints.blocks(str(fault))) from fault

    async def receipts(self, block_hash: str) -> list[Receipt]:
        """All receipts of the block, in order, as the node tells them. Raises Unavailable."""
        (found,) = await self.receipts_of([block_hash])
        return found

    async def receipts_of(self, block_hashes: Sequence[str]) -> list[list[Receipt]]:
        """Those of several blocks, each by its hash. Raises Behind when the provider lacks one, and Unavailable."""
        answers = await self.ask([("eth_getBlockReceipts", [each]) for each in block_hashes])
        found = self._read_all(_RECEIPTS, answers)
        for block_hash, receipts in zip(block_hashes, found, strict=True):
            if receipts is None:
                raise Behind(f"{self.provider.name} has no receipts of block {block_hash}")
        return [receipts for receipts in found if receipts is not None]

    async def call(self, calls: Sequence[tuple[str, str]], block_hash: str) -> list[bytes]:
        """Answers of `eth_call` (address, calldata in hex) in the state of exactly that block."""
        at = {"blockHash": block_hash}
        answers = await self.ask([("eth_call", [{"to": to, "data": data}, at]) for to, data in calls])
        return [bytes.fromhex(answer[2:]) for answer in self._read_all(_TEXT, answers)]

    async def ask(self, questions: Sequence[Question]) -> list[msgspec.Raw]:
        """Raw results in the order of the questions. Raises Unavailable when any of them has none."""
        answers = await self._ask_all(questions)
        for answer in answers:
            if answer.error is not None:
                said = f"{self.provider.name}: {answer.error.message} ({answer.error.code})"
                raise Behind(said) if hints.says_not_there(answer.error.message) else Refused(said)
        return [answer.result for answer in answers]

    def _read(self, decoder: msgspec.json.Decoder[Answer], result: msgspec.Raw) -> Answer:
        (answer,) = self._read_all(decoder, [result])
        return answer

    def _read_all(self, decoder: msgspec.json.Decoder[Answer], results: Iterable[msgspec.Raw]) -> list[Answer]:
        return _decoded(self.provider, decoder, results)

    # ----------------------------------------------------------------------------------------------------- requests

    async def _ask_all(self, questions: Sequence[Question]) -> list[Reply]:
        """By the next provider that is well; when it fails or has enough of us, by another one that is well."""
        failed: list[Provider] = []
        limits = 0
        while True:
            provider = await self._next_up(failed)
            asked = self._note(provider)
            try:
                answers = await self._wire.put(provider, questions)
            except Limited as limit:
                provider.outcomes["limited"] += 1
                provider.limit(limit.seconds)
                limits += 1
                if limits == _LIMITS_BEFORE_GIVING_UP:
                    raise
            except TooLarge:
                raise
            except Unavailable as fault:
                self._leave(asked, Unavailable.__name__, str(fault))
                failed.append(provider)
                if not self._others_are_well(failed):
                    raise
            else:
                provider.outcomes["ok"] += 1
                provider.succeed()
                return answers

    def _others_are_well(self, failed: Sequence[Provider]) -> bool:
        now = time.monotonic()
        return any(each not in failed and each.due <= now for each in self.providers)

    def _note(self, provider: Provider) -> _Asked:
        asked = _Asked(provider, time.monotonic())
        if (task := asyncio.current_task()) is not None:
            self._asked[task] = asked
        return asked


def _decoded(provider: Provider, decoder: msgspec.json.Decoder[Answer], results: Iterable[msgspec.Raw]) -> list[Answer]:
    try:
        return [decoder.decode(each) for each in results]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unavailable(f"{provider.name} answered with something else: {error}") from error


def _width(filter_: LogFilter) -> int:
    """Blocks that it asks for."""
    return int(filter_["toBlock"], 16) - int(filter_["fromBlock"], 16) + 1 if "fromBlock" in filter_ else 1


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
