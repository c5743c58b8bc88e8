"""START HERE: `make bench-tips`. 50 wallets tip by x402 as fast as they are answered, two minutes, against `make up`.

One tip is one call of a stock x402 client: its time runs from sending the signed payment to the answer that names the
transaction in which three wallets were paid. Beside it, in the same run, what limits it from below: how many such
transactions the chain alone takes, and what relayer and blocks allow. Then the books are compared with every answer,
and the bottleneck is named. The last line is one JSON object.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.tips import direct
from tests.benchmarks.tips.bottleneck import Load, Watch, bottleneck
from tests.benchmarks.tips.stage import at_once, running
from tests.benchmarks.tips.tippers import AMOUNT, Outcome, Tipper
from tests.end_to_end.platform import Platform

console = Console(stderr=True, highlight=False)
_SAY_SECONDS = 10.0
_TIPPER_HAS = 1_000_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-tips", description=__doc__)
    parser.add_argument("--tippers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--block-seconds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="molt-bench-") as name:
        Path(name).chmod(0o755)  # PostgreSQL will not run as root
        with running(Path(name), given.block_seconds) as platform:
            with at_once(platform, given.block_seconds):
                episode = platform.an_episode()
                tippers = [Tipper(platform.url, episode, platform.a_payer(_TIPPER_HAS)) for _ in range(given.tippers)]
            alone = direct.rate(platform, episode, blocks=3, block_seconds=given.block_seconds)
            watch = Watch(platform.database_url)
            outcomes, seconds = asyncio.run(_all(tippers, given.seconds, watch))
            load = watch.load()
            wrong = books_differ(platform, tippers)
    told = summary(outcomes, seconds, load, alone)
    told |= {"tippers": given.tippers, "block_seconds": given.block_seconds, "books_differ": wrong}
    show(told, load)
    print(json.dumps(told))
    return 1 if wrong else 0


async def _all(tippers: Sequence[Tipper], seconds: float, watch: Watch) -> tuple[list[Outcome], float]:
    """All outcomes, and how long it took until the last tip had its answer."""
    watch.begin()
    began = time.monotonic()
    watching = [asyncio.create_task(watch.sample()), asyncio.create_task(_progress(tippers, began))]
    try:
        await asyncio.gather(*(tipper.tip_until(began + seconds) for tipper in tippers))
    finally:
        for task in watching:
            task.cancel()
    ended = time.monotonic()
    watch.end()
    return [outcome for tipper in tippers for outcome in tipper.outcomes], ended - began


async def _progress(tippers: Sequence[Tipper], began: float) -> None:
    while True:
        await asyncio.sleep(_SAY_SECONDS)
        done = sum(len(tipper.outcomes) for tipper in tippers)
        console.print(f"  {time.monotonic() - began:>4.0f} s  {done:>6,} tips answered")


def books_differ(platform: Platform, tippers: Sequence[Tipper]) -> list[str]:
    """Each wallet paid exactly the tips that were confirmed to it, on the chain and in the API; else what differs."""
    platform.caught_up()
    found = []
    for tipper in tippers:
        confirmed = sum(outcome.kind == "settled" for outcome in tipper.outcomes)
        paid = (_TIPPER_HAS - platform.balance(tipper.payer.address)) // AMOUNT
        listed = platform.value(
            f"SELECT count(*) FROM ledger.tip_split WHERE payer = decode('{tipper.payer.address[2:]}', 'hex')"
        )
        if not confirmed == paid == listed:
            found.append(f"{tipper.payer.address}: {confirmed} answered, {paid} paid, {listed} in the ledger")
    return found


def summary(outcomes: Sequence[Outcome], seconds: float, load: Load, alone: float) -> dict[str, object]:
    settled = sorted(outcome.seconds for outcome in outcomes if outcome.kind == "settled")
    cuts = statistics.quantiles(settled, n=100) if len(settled) > 1 else [float("nan")] * 99
    rate = len(settled) / seconds
    return {
        "tips": len(settled),
        "tips_per_second": round(rate, 1),
        "p50_seconds": round(cuts[49], 2),
        "p99_seconds": round(cuts[98], 2),
        "outcomes": dict(Counter(outcome.kind for outcome in outcomes)),
        "chain_alone_per_second": round(alone, 1),
        "of_the_chain_alone": round(rate / alone, 3),
        "processor_percent": load.processor_percent,
        "bottleneck": bottleneck(load),
    }


def show(told: dict[str, object], load: Load) -> None:
    table = Table("", "", title="tips")
    for name in ("tips", "tips_per_second", "p50_seconds", "p99_seconds", "chain_alone_per_second", "outcomes"):
        table.add_row(name, str(told[name]))
    for name, percent in load.processor_percent.items():
        table.add_row(f"processor: {name}", f"{percent} % of one core")
    table.add_row("waiting for the relayer (median)", f"{load.queued}")
    table.add_row("sent and not mined (median)", f"{load.in_flight}")
    table.add_row("bottleneck", str(told["bottleneck"]))
    console.print(table)
    for line in told["books_differ"]:  # type: ignore[attr-defined]
        console.print(f"[red]{line}")


if __name__ == "__main__":
    sys.exit(main())
