"""START HERE. From block mined to row committed: a bare follower, ours, and Ponder, with 1 and 20 tips in the block.

`make bench-live`. All follow the same chain, one after the other, in several rounds; each starts in every round with
an empty database in a process of its own, catches up, and is then given blocks at irregular moments. Ends with a line
of JSON.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from deploy.local import chain as local_chain
from deploy.local import postgres
from ledger import db
from tests.benchmarks.live import blocks, commits, contenders
from tests.benchmarks.live.contenders import Contender, Place
from tests.benchmarks.peers.peer import PeerUnavailable

console = Console(stderr=True, highlight=False)
TIPS_A_BLOCK = (1, 20)
_TEMPLATE = "live_template"
_BLOCKS_UNTIL_CAUGHT_UP = 24
_SECONDS_A_BLOCK = 5.0
_WARM_UP_BLOCKS = 5
_AT_MOST_TIMES_BARE = 1.3

Latencies = dict[str, dict[int, list[float]]]
"""By contender and tips a block, in milliseconds."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-live", description=__doc__)
    parser.add_argument("--blocks", type=int, default=200, help="of each kind, for each contender")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", type=lambda names: names.split(","), help="some of: bare,hasty,ours,ponder")
    parser.add_argument("--logs", type=Path, help="a folder that keeps what the contenders said")
    given = parser.parse_args()
    who = [each for each in contenders.ALL if given.only is None or each.name in given.only]
    with tempfile.TemporaryDirectory(prefix="molt-live-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL will not run as root
        found, missing = measure(who, given.blocks, given.rounds, Path(folder), given.logs or Path(folder))
    print(json.dumps(told(found, missing)))
    return 0


def measure(
    who: Sequence[Contender], block_count: int, rounds: int, folder: Path, logs: Path
) -> tuple[Latencies, dict[str, str]]:
    """The latencies, and of those that could not be measured, why."""
    found: Latencies = {each.name: {tips: [] for tips in TIPS_A_BLOCK} for each in who}
    missing: dict[str, str] = {}
    state = folder / "chain"
    state.mkdir()
    with local_chain.running(state=state / "state.json") as url:
        local_chain.ensure_deployed(url, state / "deployment.json")
    with postgres.running(folder / "postgres") as server, blocks.mining(state) as miner:
        db.migrate(postgres.ensure_database(server, _TEMPLATE), "ledger")
        for round_ in range(rounds):
            for each in who[round_ % len(who) :] + who[: round_ % len(who)]:
                if each.name in missing:
                    continue
                name = f"live_{each.name}_{round_}"
                place = Place(miner.world, postgres.ensure_database(server, name, template=_TEMPLATE), logs)
                try:
                    took = take_turn(each, place, miner, -(-block_count // rounds))
                except (PeerUnavailable, commits.NeverCommitted) as reason:
                    missing[each.name] = str(reason)
                    console.print(f"  {each.name}: {reason}")
                    continue
                finally:
                    postgres.drop_database(server, name)
                for tips, latencies in took.items():
                    found[each.name][tips] += latencies
                console.print(f"  round {round_ + 1}/{rounds}: {each.name} {_line(took)}")
    return found, missing


def take_turn(contender: Contender, place: Place, miner: blocks.Miner, block_count: int) -> dict[int, list[float]]:
    """Raises PeerUnavailable, commits.NeverCommitted."""
    took: dict[int, list[float]] = {tips: [] for tips in TIPS_A_BLOCK}
    with commits.observer(place.database_url, contender.tips) as observer, contender.running(place):
        _until_caught_up(observer, miner)
        for number in range(-_WARM_UP_BLOCKS, block_count):
            for tips, latencies in took.items():
                time.sleep(random.uniform(0.03, 0.2))
                block, mined_at = miner.mine(tips)
                latency = observer.committed_at(block, tips) - mined_at
                if number >= 0:
                    latencies.append(latency * 1000)
    return took


def _until_caught_up(observer: commits.Observer, miner: blocks.Miner) -> None:
    """With a new block now and then: Ponder stays behind until it hears of one, and may not listen to the first yet."""
    for _ in range(_BLOCKS_UNTIL_CAUGHT_UP - 1):
        miner.mine(1)
        with suppress(commits.NeverCommitted):
            return observer.until_complete(miner.tips, _SECONDS_A_BLOCK)
    miner.mine(1)
    return observer.until_complete(miner.tips, _SECONDS_A_BLOCK)


def told(found: Latencies, missing: dict[str, str]) -> dict[str, object]:
    """What the last line says. A ratio without both of its sides is null."""
    figures = {
        name: None if name in missing else {str(tips): _figures(each) for tips, each in by_tips.items()}
        for name, by_tips in found.items()
    }

    def ratio(other: str) -> dict[str, dict[str, float]] | None:
        ours, theirs = figures.get("ours"), figures.get(other)
        if not ours or not theirs:
            return None
        return {
            tips: {part: round(ours[tips][part] / theirs[tips][part], 2) for part in ("p50_ms", "p95_ms")}
            for tips in ours
        }

    to_bare, to_hasty, to_ponder = ratio("bare"), ratio("hasty"), ratio("ponder")
    return {
        "milliseconds_by_tips_a_block": figures,
        "ours_to_bare": to_bare,
        "ours_to_hasty": to_hasty,
        "ours_to_ponder": to_ponder,
        "not_measured": missing,
        "within_1.3_of_bare": to_bare and _all_at_most(to_bare, _AT_MOST_TIMES_BARE),
        "below_ponder": to_ponder and _all_at_most(to_ponder, 1.0),
    }


def _all_at_most(ratios: dict[str, dict[str, float]], bound: float) -> bool:
    return all(ratio <= bound for parts in ratios.values() for ratio in parts.values())


def _figures(latencies: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(latencies, n=20, method="inclusive")
    return {"p50_ms": round(statistics.median(latencies), 2), "p95_ms": round(cuts[-1], 2), "blocks": len(latencies)}


def _line(took: dict[int, list[float]]) -> str:
    return ", ".join(
        f"{tips} tip{'s' * (tips > 1)}: {figures['p50_ms']:.1f} / {figures['p95_ms']:.1f} ms"
        for tips, figures in ((tips, _figures(latencies)) for tips, latencies in took.items())
    )


if __name__ == "__main__":
    sys.exit(main())
