"""What a monitor sees of a running indexer: `/metrics` in Prometheus' format, and `/ready`."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from indexer.chain import Chain
from indexer.status import Status, lag_blocks

_DEPTHS = (1, 2, 3, 5, 10, 30, 60, 120, 300)
_REQUEST_SECONDS = 5
_TEXT = "text/plain; charset=utf-8"

Labelled = Mapping[tuple[str, ...], float]


@dataclass(eq=False)
class Collected(Collector):
    """Reads everything when it is asked, so that the loop never waits for a metric."""

    status: Status
    chain: Chain

    def collect(self) -> Iterator[Metric]:
        yield from self._process()
        yield from self._ledger()
        yield from self._work()
        yield from self._providers()

    def _process(self) -> Iterator[Metric]:
        status = self.status
        yield _gauge("leading", "1 while this process writes the ledger, 0 while it stands by", status.leading)
        yield _gauge("ready", "1 while the ledger may be relied upon", status.not_ready() is None)
        yield _gauge("differences", "open differences between ledger and chain", status.differences)
        if status.reconciled_at is not None:
            yield _gauge("reconciled_timestamp_seconds", "end of the newest reconciliation", status.reconciled_at)
        level: Labelled = {(status.proof_level,): 1}
        yield _gauges("proof_level", "1 for how far the newest batch was proven", ["level"], level)

    def _ledger(self) -> Iterator[Metric]:
        if (cursor := self.status.cursor) is None:
            return
        age = max(0.0, time.time() - cursor.head_timestamp.timestamp())
        behind = lag_blocks(cursor)
        yield _gauge("chain_head_block", "the newest block that a provider told of", cursor.chain_head_number)
        yield _gauge("head_block", "the ledger has everything up to here", cursor.head_number)
        yield _gauge("safe_block", "the newest safe block of the ledger", cursor.safe_number)
        yield _gauge("finalized_block", "the newest finalized block of the ledger", cursor.finalized_number)
        yield _gauge("lag_blocks", "blocks that the chain has and the ledger has not", behind)
        yield _gauge("lag_seconds", "age of the ledger's head while it lags, else 0", age if behind else 0)
        yield _gauge("head_age_seconds", "age of the ledger's head, as its block says", age)
        yield _gauge("epoch", "grows with each writer that takes over", cursor.epoch)
        yield _gauge("halted", "1 while something must be looked at by a person", cursor.status == "halted")

    def _work(self) -> Iterator[Metric]:
        status = self.status
        yield _counter("blocks", "blocks recorded", status.blocks)
        yield _counter("batches", "transactions that recorded blocks", status.batches)
        yield _counters("rows", "rows recorded", ["table"], {(table,): n for table, n in status.rows.items()})
        yield _counters("faults", "faults met and tried again", ["kind"], {(k,): n for k, n in status.retries.items()})
        yield self._reorgs()

    def _reorgs(self) -> Metric:
        reorgs = self.status.reorgs
        buckets = [(str(float(depth)), sum(n for d, n in reorgs.items() if d <= depth)) for depth in _DEPTHS]
        family = HistogramMetricFamily(_name("reorg_depth_blocks"), "reorganisations followed, by depth")
        family.add_metric([], [*buckets, ("+Inf", reorgs.total())], sum(depth * n for depth, n in reorgs.items()))
        return family

    def _providers(self) -> Iterator[Metric]:
        """By name, in which no key shows; two with one name (two keys of one host) count together."""
        requests, current = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
        strikes, rests = Counter[tuple[str, ...]](), dict[tuple[str, ...], float]()
        for each in self.chain.providers:
            current[each.name,] += each is self.chain.provider
            strikes[each.name,] += each.strikes
            rests[each.name,] = max(rests.get((each.name,), 0.0), each.due - time.monotonic())
            for outcome, count in each.outcomes.items():
                requests[each.name, outcome] += count
        yield _counters("rpc_requests", "requests to providers", ["provider", "outcome"], requests)
        yield _gauges("rpc_current", "1 for the provider that is asked", ["provider"], current)
        yield _gauges("rpc_strikes", "weight of the faults that it rests for", ["provider"], strikes)
        yield _gauges("rpc_rest_seconds", "how long it is not asked still", ["provider"], rests)


def render(status: Status, chain: Chain) -> bytes:
    """All metrics, those of the process included (`process_resident_memory_bytes`, `process_cpu_seconds_total`, …)."""
    return generate_latest(_registry(status, chain))


@asynccontextmanager
async def served(status: Status, chain: Chain, host: str, port: int) -> AsyncIterator[int]:
    """Serves `/metrics` and `/ready` while the context lasts; yields the port (a free one for 0)."""
    registry = _registry(status, chain)

    def page(path: str) -> tuple[int, str, bytes]:
        match path:
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(registry)
            case "/ready":
                why = status.not_ready()
                return (503, _TEXT, f"{why}\n".encode()) if why else (200, _TEXT, b"ready\n")
        return 404, _TEXT, b"there are /metrics and /ready\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await asyncio.wait_for(reader.readline(), _REQUEST_SECONDS)).decode("latin-1").split(" ")
            code, kind, body = page(request[1].partition("?")[0] if len(request) > 1 else "")
            head = f"HTTP/1.1 {code} -\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        except (TimeoutError, ConnectionError):
            pass  # whoever asked is gone
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _registry(status: Status, chain: Chain) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Collected(status, chain))
    ProcessCollector(registry=registry)
    return registry


def _name(name: str) -> str:
    return f"molt_indexer_{name}"


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(_name(name), what, value=value)


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(_name(name), what, value=value)


def _gauges(name: str, what: str, labels: list[str], values: Labelled) -> Metric:
    return _each(GaugeMetricFamily(_name(name), what, labels=labels), values)


def _counters(name: str, what: str, labels: list[str], values: Labelled) -> Metric:
    return _each(CounterMetricFamily(_name(name), what, labels=labels), values)


def _each(family: CounterMetricFamily | GaugeMetricFamily, values: Labelled) -> Metric:
    for labels, value in sorted(values.items()):
        family.add_metric(list(labels), value)
    return family
