"""Random reorganisations, and kills (`takeovers`): then the ledger must equal one built from the chain alone.

`python -m tests.indexer.chaos --reorgs 200 --kills 100` starts its own PostgreSQL and Anvil, shows its progress and its
seed, ends with a line of JSON, and exits non-zero when anything differs.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local import chain as local_chain
from deploy.local import postgres
from indexer import chain as rpc
from indexer import log as logs
from ledger import db
from tests.indexer import mirroring, takeovers
from tests.indexer import world as worlds
from tests.indexer.world import World

DEEPEST = 64

Say = Callable[[str], None]


async def reorganise(world: World, database_url: str, count: int, say: Say = lambda _: None) -> dict[str, Any]:
    """The indexer follows while the chain acts and is reorganised `count` times. AssertionError: something differs."""
    settings, rng = world.settings(database_url), world.rng
    depths, settled, rows = [], [], {}
    async with rpc.Chain([world.rpc_url]) as chain, mirroring.indexer(settings, chain) as status:
        await asyncio.to_thread(world.mine, 2 * DEEPEST)
        for number in range(1, count + 1):
            for _ in range(rng.randrange(2, 12)):
                await asyncio.to_thread(world.random_action)
            if rng.random() < 0.8:  # else the indexer is somewhere on the way
                await mirroring.until_mirrored(world, status)
            depths.append(
                rng.choice([rng.randrange(1, 8), rng.randrange(1, DEEPEST + 1), rng.randrange(1, DEEPEST + 1)])
            )
            await asyncio.to_thread(world.reorganise, depths[-1])
            if rng.random() < 0.2:  # once more, while the indexer is at it
                await asyncio.to_thread(world.reorganise, rng.randrange(1, DEEPEST + 1))
            settled.append(await mirroring.until_mirrored(world, status))
            rows = (await mirroring.verified(settings, chain)).rows
            say(
                f"reorganisation {number}/{count}: depth {depths[-1]}, settled in {settled[-1] * 1000:.0f} ms, "
                f"{sum(rows.values())} rows equal"
            )
    archived = mirroring.rows(
        database_url, "SELECT table_name, count(*) FROM ledger.orphaned_row GROUP BY 1 ORDER BY 1"
    )
    return {
        "reorganisations": count,
        "deepest": max(depths),
        "rewinds": sum(status.reorgs.values()),
        "settled_ms_median": round(statistics.median(settled) * 1000),
        "settled_ms_worst": round(max(settled) * 1000),
        "rows_equal": rows,
        "rows_archived": dict(archived),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.indexer.chaos", description=__doc__)
    parser.add_argument("--reorgs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    asked = parser.parse_args()
    logs.configure("console", "error")
    _say(f"seed {asked.seed}")
    started, result = time.monotonic(), {"seed": asked.seed, "holds": True}
    with tempfile.TemporaryDirectory(prefix="molt-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL will not run as root
        with local_chain.running(state=folder / "state.json") as url:
            local_chain.ensure_deployed(url, folder / "deployment.json")
        with postgres.running(folder / "postgres") as server:
            for number, (part, count) in enumerate([(_reorganise, asked.reorgs), (takeovers.play, asked.kills)]):
                if count == 0:
                    continue
                database_url = postgres.ensure_database(server, f"part_{number}")
                db.migrate(database_url, "ledger")
                with worlds.running(folder, seed=asked.seed + number) as world:
                    world.approve()
                    try:
                        result |= part(world, database_url, count, _say)
                    except (AssertionError, TimeoutError) as error:
                        _say(f"seed {asked.seed}: {error}")
                        result |= {"holds": False, "failed": part.__module__, "why": str(error)}
    result["seconds"] = round(time.monotonic() - started, 1)
    sys.stdout.write(json.dumps(result) + "\n")
    return int(not result["holds"])


def _reorganise(world: World, database_url: str, count: int, say: Say) -> dict[str, Any]:
    return asyncio.run(reorganise(world, database_url, count, say))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
