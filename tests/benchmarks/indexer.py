"""START HERE. How fast the indexer fills a ledger, beside the limits of one Python process, a plain loop, and peers.

`make bench-indexer`. Two chains of 20,000 tips among 200,000 foreign transfers: dense (1,000 blocks) and sparse
(20,000). All take turns, in several rounds, each in a process of its own and into an empty database; a figure is rows
(of one's own tables) by the whole process's time, the median of the rounds. Ends with a line of JSON.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from deploy.local import chain as local_chain
from deploy.local import postgres
from indexer import fetch, topics
from ledger import copying, db, deployment
from ledger.models import EVENT_TABLES
from tests.benchmarks import chain, replay
from tests.benchmarks.chain import Shape
from tests.benchmarks.limits import LIMIT_SCHEMA, STAGES, Assignment
from tests.benchmarks.peers import envio, peer, ponder

console = Console(stderr=True, highlight=False)
_PARTS = ("limits", "ours", "anvil", "loop", "ponder", "envio", "memory")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_LATENCY_MS = 50
_REPEAT = 12
"""So many times the blocks with tips make more than a million rows."""
_FINAL_BLOCKS = 40
_SPARSE_PART = 5
"""The slow ones get one block in so many of the sparse chain: their pace does not change along it."""
_CLIENTS: dict[str, tuple[str, dict[str, str]]] = {
    "ours": ("", {}),
    "ours, receipts roots": ("", {"INDEXER_RECEIPTS": "always"}),
    f"ours, {_LATENCY_MS} ms away": ("late", {}),
}


@dataclass
class Run:
    """One process, once."""

    rows: int
    seconds: float
    peak_megabytes: float = 0.0


@dataclass
class Ground:
    """A recorded chain, served, and a server for the databases."""

    shape: Shape
    url: str
    late_url: str
    folder: Path
    server: str
    payers: list[str] = field(default_factory=list)
    last: int = 0
    found: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def deployment_file(self) -> Path:
        return self.folder / chain.DEPLOYMENT

    def run(self, name: str, measured: Callable[[str], Run | None]) -> None:
        """With an empty database; the result is noted and said."""
        database_url = postgres.ensure_database(self.server, "benchmark")
        try:
            result = measured(database_url)
        finally:
            postgres.drop_database(self.server, "benchmark")
        if result is not None:
            self.found[name].append(result)
            pace = result.rows / result.seconds
            console.print(
                f"  {self.shape.name:<7}{name:<26}{result.rows:>9} rows{result.seconds:>9.2f} s{pace:>10.0f}/s"
            )


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-indexer", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=lambda names: set(names.split(",")), help=f"some of: {','.join(_PARTS)}")
    parser.add_argument("--shapes", type=lambda names: names.split(","), default=["dense", "sparse"])
    given = parser.parse_args()
    only = given.only or set(_PARTS)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else ours would compile its sources in each run
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="molt-bench-") as name, ExitStack() as stack:
        Path(name).chmod(0o755)  # PostgreSQL will not run as root
        server = stack.enter_context(postgres.running(Path(name) / "postgres"))
        for shape in (chain.SHAPES[each] for each in given.shapes):
            with ground(shape, server) as place:
                for number in range(given.rounds):
                    console.print(f"[bold]{shape.name}, round {number + 1} of {given.rounds}")
                    play(place, only, first_round=number == 0)
                told[shape.name] = summary(place)
        if "anvil" in only:
            told["anvil"] = against_anvil(server, given.rounds)
        if "memory" in only:
            told["memory"] = memory(server)
    for shape_name in given.shapes:
        show(shape_name, told[shape_name])
    print(json.dumps(told))
    return 0


@contextmanager
def ground(shape: Shape, server: str) -> Iterator[Ground]:
    """The recording, made if there is none, served once at once and once from far away."""
    folder = chain.recorded(shape, say=console.print)
    console.print(f"{shape.name}: the replay server reads its recording")
    with replay.running(folder, latencies_ms=(0, _LATENCY_MS)) as (url, late_url):
        place = Ground(shape, url, late_url, folder, server)
        _survey(place)
        yield place


def play(place: Ground, only: set[str], *, first_round: bool) -> None:
    """One round of everybody."""
    if "limits" in only:
        for stage in STAGES:
            place.run(f"limit: {stage}", lambda database_url, stage=stage: limit(place, database_url, stage))
    if "ours" in only:
        for name, (where, environment) in _CLIENTS.items():
            url = place.late_url if where else place.url
            place.run(name, lambda database_url, u=url, e=environment: ours(u, place.deployment_file, database_url, e))
    sparse = place.shape is chain.SPARSE
    if "loop" in only and (first_round or not sparse):
        place.run("web3.py loop", lambda database_url: loop(place, database_url))
    if "ponder" in only and (first_round or not sparse):
        place.run("ponder, told who pays", lambda database_url: of_peer(place, database_url, ponder, told=True))
    if "ponder" in only and first_round and not sparse:
        place.run("ponder", lambda database_url: of_peer(place, database_url, ponder, told=False))
    if "envio" in only:
        place.run("envio, told who pays", lambda database_url: of_peer(place, database_url, envio, told=True))
        place.run("envio", lambda database_url: of_peer(place, database_url, envio, told=False))


# ------------------------------------------------------------------------------------------------------- participants


def ours(rpc_url: str, deployment_file: Path, database_url: str, environment: dict[str, str]) -> Run:
    """`python -m indexer backfill`: everything derived, and proven to header hash, bloom and Split = Transfers."""
    db.migrate(database_url, "ledger")
    seconds, peak, _ = _process(
        ["-m", "indexer", "backfill"],
        {
            "DATABASE_URL": database_url,
            "RPC_URLS": rpc_url,
            "CHAIN_ID": str(local_chain.CHAIN_ID),
            "DEPLOYMENT_FILE": str(deployment_file),
            "LOG_LEVEL": "warning",
            **environment,
        },
    )
    with db.connect(database_url) as connection:
        rows = sum(_count(connection, table.name) for table in EVENT_TABLES)
    return Run(rows, seconds, peak)


def _count(connection: Any, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM ledger.{table}".encode()).fetchone()[0])


def limit(place: Ground, database_url: str, stage: str) -> Run:
    db.migrate(database_url, "ledger")
    _create_limit_tables(database_url)
    assignment = Assignment(
        rpc_url=place.url,
        database_url=database_url,
        chain_id=local_chain.CHAIN_ID,
        splitter=_deployment(place).splitter,
        usdc=_deployment(place).usdc,
        payers=place.payers,
        topics=_TOPICS,
        columns={table: [str(name) for name, _ in copying.COLUMNS[table]] for table in _TOPICS},
        first=_deployment(place).deployed_at_block,
        last=place.last,
        blocks_per_range=max(1, 75 * place.shape.blocks // 1000),
    )
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(msgspec.json.encode(assignment))
        file.flush()
        seconds, peak, said = _process(["-m", "tests.benchmarks.limits", stage, file.name], {})
    return Run(int(said), seconds, peak)


def loop(place: Ground, database_url: str) -> Run:
    """A tenth of the chain: its pace does not change along it."""
    last = place.last // 10
    found = _deployment(place)
    arguments = [place.url, database_url, str(place.deployment_file), str(found.deployed_at_block), str(last)]
    seconds, peak, said = _process(
        ["-m", "tests.benchmarks.plain_loop", *arguments], {"PAYERS": ",".join(place.payers)}
    )
    return Run(int(said), seconds, peak)


def of_peer(place: Ground, database_url: str, module: Any, *, told: bool) -> Run | None:
    """Rows that are one's own, though whoever is not told who pays has to take all."""
    name = module.__name__.rpartition(".")[2]
    if name in place.missing:
        return None
    found = _deployment(place)
    last = place.last // _SPARSE_PART if place.shape is chain.SPARSE else place.last
    payers = ["0x" + payer[26:] for payer in place.payers]
    blocks = found.deployed_at_block, last
    own = peer.expected_rows(peer.Task(place.url, found, payers, *blocks))
    result: peer.Measured = module.backfill(
        place.url, database_url, found, payers if told else [], *blocks, within_seconds=600
    )
    if result.unavailable is not None:
        place.missing[name] = result.unavailable
        console.print(f"  {name}: {result.unavailable}")
        return None
    return Run(own, result.seconds)


def against_anvil(server: str, rounds: int) -> dict[str, Any]:
    """Ours against the node itself: the dense chain is built once more, and stays up meanwhile."""
    with (
        tempfile.TemporaryDirectory(prefix="molt-anvil-") as name,
        chain.built(chain.DENSE, Path(name), console.print) as url,
    ):
        place = Ground(chain.DENSE, url, url, Path(name), server)
        for _ in range(rounds):
            place.run("ours, Anvil", lambda database_url: ours(url, place.deployment_file, database_url, {}))
    return _told(place.found["ours, Anvil"])


def memory(server: str) -> dict[str, Any]:
    """Peak memory of ours over a hundred thousand rows, and over more than a million."""
    told = {}
    for repeat in (1, _REPEAT):
        result = _repeated(server, repeat)
        told[str(result.rows)] = {"peak_megabytes": round(result.peak_megabytes), "rows_per_second": _pace(result)}
    return told


def _repeated(server: str, repeat: int) -> Run:
    folder, name = chain.recorded(chain.DENSE, say=console.print), f"ours, {repeat} times"
    with replay.running(folder, repeat=repeat) as (url,):
        place = Ground(chain.DENSE, url, url, folder, server)
        place.run(name, lambda database_url: ours(url, place.deployment_file, database_url, {}))
    return place.found[name][0]


# ------------------------------------------------------------------------------------------------------------- pieces

_TOPICS = {
    "tip_split": topics.TIP_SPLIT,
    "share_held": topics.SHARE_HELD,
    "usdc_transfer": topics.TRANSFER,
    "authorization_used": topics.AUTHORIZATION_USED,
}


def _survey(place: Ground) -> None:
    """Whose transfers belong to tips: told to the limits and the peers, who would otherwise have to find out."""
    found = _deployment(place)
    payers = {fetch.word(found.splitter_bytes)}
    place.last = int(peer_ask(place.url, "eth_blockNumber", []), 16) - _FINAL_BLOCKS
    for start in range(found.deployed_at_block, place.last + 1, 500):
        blocks = {"fromBlock": hex(start), "toBlock": hex(min(place.last, start + 499))}
        asked = {"address": found.splitter, "topics": [[topics.TIP_SPLIT, topics.VAULT_DEPLOYED]], **blocks}
        for log in peer_ask(place.url, "eth_getLogs", [asked]):
            payers.add(log["topics"][3 if log["topics"][0] == topics.TIP_SPLIT else 1])
    place.payers = sorted(payers - {fetch.word(bytes(20))})


def peer_ask(url: str, method: str, parameters: list[Any]) -> Any:
    return local_chain.request(local_chain.connect(url), method, *parameters)


def _deployment(place: Ground) -> deployment.Deployment:
    return deployment.load(local_chain.CHAIN_ID, place.deployment_file)


def _create_limit_tables(database_url: str) -> None:
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {LIMIT_SCHEMA}".encode())
        for table in _TOPICS:
            connection.execute(
                f"CREATE TABLE {LIMIT_SCHEMA}.{table} (LIKE ledger.{table} INCLUDING GENERATED,"
                " PRIMARY KEY (chain_id, block_number, log_index))".encode()
            )


def _process(arguments: Sequence[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Seconds from start to end, peak memory in megabytes, and what it printed."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=local_chain.ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    with ThreadPoolExecutor(1) as watching:
        peak = watching.submit(_peak_megabytes, process.pid)
        said, _ = process.communicate()
        seconds = time.monotonic() - started
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} failed ({process.returncode}): {said}")
    return seconds, peak.result(), said


def _peak_megabytes(pid: int) -> float:
    """Watched until it ends: what `wait4` tells of a child includes what its parent had when it was started."""
    peak = 0
    with suppress(OSError):
        while found := _PEAK.search(Path(f"/proc/{pid}/status").read_text()):
            peak = int(found[1])
            time.sleep(0.02)
    return peak / 1024


def _pace(run: Run) -> int:
    return round(run.rows / run.seconds)


def _told(runs: Sequence[Run]) -> dict[str, Any]:
    return {"rows_per_second": round(statistics.median(map(_pace, runs))), "rounds": [_pace(run) for run in runs]}


def summary(place: Ground) -> dict[str, Any]:
    """Medians, and how ours compares."""
    medians = {name: _told(runs) for name, runs in place.found.items()}

    def ratio(other: str) -> float | None:
        if other not in medians or "ours" not in medians:
            return None
        return round(float(medians["ours"]["rows_per_second"]) / float(medians[other]["rows_per_second"]), 2)

    others = ("limit: copy", "ponder", "ponder, told who pays", "envio", "envio, told who pays")
    ratios = {f"ours/{other}": ratio(other) for other in others}
    return {"rows_per_second": medians, "ratios": ratios, "missing": place.missing}


def show(name: str, told: dict[str, Any]) -> None:
    table = Table("", "rows/s", "rounds", title=name)
    for who, of_one in told["rows_per_second"].items():
        table.add_row(who, f"{of_one['rows_per_second']:,}", " ".join(f"{pace:,}" for pace in of_one["rounds"]))
    console.print(table)
    console.print(" · ".join(f"{what} {value}" for what, value in told["ratios"].items()))


if __name__ == "__main__":
    sys.exit(main())
