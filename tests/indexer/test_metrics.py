"""What a monitor sees: figures that Prometheus takes, named and counted as it wants them, and readiness."""

import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from indexer import chain as rpc
from indexer import metrics
from indexer.settings import Settings
from indexer.status import Status
from ledger.record import Cursor
from tests.indexer.mirroring import free_port, process
from tests.indexer.world import World

_CURSOR = Cursor("ledger", 84532, 1, 90, b"h", datetime.fromtimestamp(0, UTC), 80, 70, 100, 3, "live", None)


def test_an_indexer_at_work_is_seen(world: World, settings: Settings) -> None:
    port = free_port()
    environment = {**world.environment(settings.database_url), "INDEXER_METRICS_PORT": str(port)}
    with process(environment, "run") as running:
        running.until_logged("blocks_recorded")
        seen = _samples(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode())
        ready = urllib.request.urlopen(f"http://127.0.0.1:{port}/ready")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/else")
    provider = world.rpc_url.partition("//")[2]
    assert ready.status == 200
    assert seen["molt_indexer_leading"] == 1
    assert seen["molt_indexer_batches_total"] >= 1
    assert seen["molt_indexer_head_block"] <= seen["molt_indexer_chain_head_block"]
    assert seen["molt_indexer_rows_total", "contract_event"] >= 1
    assert seen["molt_indexer_rpc_requests_total", "ok", provider] >= 1
    assert seen["process_resident_memory_bytes"] > 1e6


def test_reorganisations_are_a_histogram_of_depths() -> None:
    seen = _shown(Status(reorgs=Counter({1: 3, 4: 1, 500: 1})))
    assert [seen["molt_indexer_reorg_depth_blocks_bucket", le] for le in ("1.0", "3.0", "5.0", "300.0", "+Inf")] == [
        3, 3, 4, 4, 5,
    ]  # fmt: skip
    assert seen["molt_indexer_reorg_depth_blocks_sum"] == 507


def test_a_ledger_that_lags_says_by_how_many_seconds() -> None:
    seen = _shown(Status(cursor=_CURSOR))
    assert seen["molt_indexer_lag_blocks"] == 10
    assert seen["molt_indexer_lag_seconds"] == seen["molt_indexer_head_age_seconds"] > 1e9


def test_differences_turn_readiness_off() -> None:
    status = Status(cursor=_CURSOR, differences=2, difference="account 0x01: block 7: amount")
    seen = _shown(status)
    assert (seen["molt_indexer_ready"], seen["molt_indexer_differences"]) == (0, 2)
    assert "account 0x01: block 7" in (status.not_ready() or "")


def test_two_keys_of_one_provider_are_one_series() -> None:
    chain = rpc.Chain(["http://node.test/key-one", "http://node.test/key-two"])
    chain.providers[0].outcomes["ok"] += 2
    chain.providers[1].outcomes["ok"] += 3
    shown = metrics.render(Status(), chain).decode()
    assert _samples(shown)["molt_indexer_rpc_requests_total", "ok", "node.test"] == 5
    assert "key-one" not in shown


def _shown(status: Status) -> dict[str | tuple[str, ...], float]:
    return _samples(metrics.render(status, rpc.Chain(["http://node.test"])).decode())


def _samples(text: str) -> dict[str | tuple[str, ...], float]:
    """By name and the values of its labels, these in alphabetical order.

    A series that is there twice is an error, as it is to Prometheus."""
    found: dict[str | tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *sample.labels.values()) if sample.labels else sample.name
            assert key not in found
            found[key] = sample.value
    return found
