"""The measurement itself: a commit is seen when it is complete, and a contender really follows."""

import threading
import time
from pathlib import Path

import psycopg
import pytest

from tests.benchmarks.live import __main__ as live
from tests.benchmarks.live import blocks, commits, contenders
from tests.benchmarks.live.commits import Tips

_TIPS = Tips("public.tip", only="kind = 1")


def test_a_block_written_in_two_transactions_is_committed_with_the_second(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as writer, commits.observer(postgres_url, _TIPS) as observer:
        writer.execute("CREATE TABLE tip (block_number bigint, kind int)")
        writer.execute("INSERT INTO tip VALUES (6, 1), (6, 2)")
        observer.until_complete(1, seconds=5)
        second_at: list[float] = []

        def write() -> None:
            writer.execute("INSERT INTO tip VALUES (7, 1), (7, 2)")
            time.sleep(0.1)
            second_at.append(time.perf_counter())
            writer.execute("INSERT INTO tip VALUES (7, 1)")

        thread = threading.Thread(target=write)
        thread.start()
        committed_at = observer.committed_at(7, tips=2)
        thread.join()
    assert second_at[0] < committed_at < second_at[0] + 0.1


def test_what_is_not_committed_yet_is_not_seen(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as writer, commits.observer(postgres_url, _TIPS) as observer:
        writer.execute("CREATE TABLE tip (block_number bigint, kind int)")
        writer.commit()
        observer.until_complete(0, seconds=5)
        writer.execute("INSERT INTO tip VALUES (7, 1)")
        with pytest.raises(commits.NeverCommitted):
            observer.committed_at(7, tips=1, seconds=0.2)


def test_the_bare_follower_catches_up_and_follows(deployed_chain: Path, postgres_url: str, tmp_path: Path) -> None:
    with blocks.mining(deployed_chain) as miner:
        miner.mine(2)
        place = contenders.Place(miner.world, postgres_url, tmp_path)
        took = live.take_turn(contenders.BARE, place, miner, block_count=2)
    assert all(len(latencies) == 2 and min(latencies) > 0 for latencies in took.values())


def test_a_ratio_needs_both_of_its_sides() -> None:
    found = {"bare": {1: [2.0, 4.0, 6.0]}, "ours": {1: [3.0, 5.0, 7.0]}, "ponder": {1: []}}
    said = live.told(found, {"ponder": "no Node"})
    assert said["ours_to_bare"] == {"1": {"p50_ms": 1.25, "p95_ms": 1.17}}
    assert said["within_1.3_of_bare"] is True
    assert said["ours_to_ponder"] is None
    assert said["below_ponder"] is None
    assert said["not_measured"] == {"ponder": "no Node"}
