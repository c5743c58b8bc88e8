"""`make mutate`: changes the contracts in every way that should break them, and asks whether a test notices.

By default only mutants on lines that changed since the last full run, or since BASE; ALL=1 takes every one. A run that
was interrupted goes on where it stopped. Fails when a mutant survives that docs/mutation.md does not explain.
"""

import argparse
import json
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.mutation import batch as batching
from scripts.mutation import operators, report, trial
from scripts.mutation.compiler import ROOT, Code, Compiler, DoesNotCompile
from scripts.mutation.mutant import Mutant, mutants_of
from scripts.mutation.verdicts import Trial, Verdict, Verdicts, tests_behind

FILES = ("SplitMath", "TipSplitter", "TipVault", "WalletRegistry", "LeanCalls")
MONEY_FIRST = ("_split", "_hold", "_take", "_release", "_send", "_trySend", "claim", "sweep")
PROGRESS_SECONDS = 30


class Bench:
    """Whoever holds a compiler may do something heavy."""

    def __init__(self, jobs: int) -> None:
        self._compilers: Queue[Compiler] = Queue()
        for _ in range(jobs):
            self._compilers.put(Compiler())
        with self._compiler() as compiler:
            trial.demand_that_the_original_passes(compiler)
            self._released = compiler.compile({}, "release")

    def close(self) -> None:
        while not self._compilers.empty():
            self._compilers.get().close()

    def judge(self, batch: list[Mutant]) -> Iterator[tuple[Mutant, Verdict, str]]:
        """Each mutant with its verdict and its killer."""
        try:
            code = self._code(batching.sources(batch)) if len(batch) > 1 else None
        except DoesNotCompile:
            half = len(batch) // 2
            yield from self.judge(batch[:half])
            yield from self.judge(batch[half:])
            return
        if code and trial.quick_killers(code, self._folder()):
            raise trial.TestsDidNotRun(f"with no mutant alive a test fails: {[mutant.key for mutant in batch]}")
        for number, mutant in enumerate(batch, start=1):
            killers = trial.quick_killers(code, self._folder(), number) if code else []
            yield mutant, *(("killed", str(killers[0])) if killers else self._alone(mutant))

    def _alone(self, mutant: Mutant) -> tuple[Verdict, str]:
        changed = {mutant.path: mutant.source}
        try:
            code = self._code(changed)
        except DoesNotCompile:
            return "not Solidity", ""
        if killers := trial.quick_killers(code, self._folder()):
            return "killed", str(killers[0])
        with self._compiler() as compiler:
            # The optimiser proves some mutants equivalent: what is deployed is the same to the byte.
            if compiler.compile(changed, "release") == self._released:
                return "same code", ""
            killers = trial.slow_killers(code, self._folder())
        return ("killed", str(killers[0])) if killers else ("survived", "")

    def _code(self, changed: dict[str, str]) -> Code:
        with self._compiler() as compiler:
            return compiler.compile(changed)

    def _folder(self) -> Path:
        return trial.MUTANTS / threading.current_thread().name

    @contextmanager
    def _compiler(self) -> Iterator[Compiler]:
        compiler = self._compilers.get()
        try:
            yield compiler
        finally:
            self._compilers.put(compiler)


def main() -> int:
    options = _options()
    mutants = list(_chosen(options))
    verdicts = Verdicts()
    trials = {mutant.key: known for mutant in mutants if (known := verdicts.of(mutant))}
    left = [mutant for mutant in mutants if mutant.key not in trials]
    print(f"{len(mutants)} mutants, {len(trials)} known from earlier runs, {len(left)} to try", flush=True)
    if left:
        _try(left, verdicts, trials, options.jobs)
    return _tell(mutants, trials, record=options.all and not options.only)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutate")
    parser.add_argument("--all", action="store_true", help="every mutant, not only those on changed lines")
    parser.add_argument("--base", help="the commit that lines are compared with; default: the last full run's sources")
    parser.add_argument("--only", default="", help="mutants whose key contains this, like `TipSplitter._hold`")
    parser.add_argument("--jobs", type=int, default=1, help="compilers at once; a core each")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> Iterator[Mutant]:
    """Where the money is decided comes first, what an error carries last."""
    with Compiler() as compiler:
        trees = compiler.syntax_trees()
    enums = operators.enums(trees)
    found = []
    for name in FILES:
        path = f"contracts/src/{name}.sol"
        lines = None if options.all else report.changed_lines(path, options.base)
        edits = operators.File((ROOT / path).read_bytes(), trees[path], enums).edits()
        for mutant in mutants_of(path, edits):
            touched = lines is None or not lines.isdisjoint(range(mutant.first_line, mutant.last_line + 1))
            if touched and options.only in mutant.key:
                found.append(mutant)
    yield from sorted(found, key=_rank)


def _rank(mutant: Mutant) -> tuple[bool, bool]:
    place, operator = mutant.key.split(": ")[:2]
    file, function = place.split(".")
    return operator == "evidence", file == "TipSplitter" and function not in MONEY_FIRST


def _try(left: list[Mutant], verdicts: Verdicts, trials: dict[str, Trial], jobs: int) -> None:
    """An interruption keeps what was tried."""
    bench = Bench(jobs)
    progress = Progress(len(left))
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="worker")

    def judge(batch: list[Mutant]) -> None:
        for mutant, verdict, killer in bench.judge(batch):
            result = Trial(verdicts.identity(mutant), mutant.key, verdict, killer, tests_behind(verdict, killer))
            with progress.lock:
                verdicts.record(result)
                trials[result.key] = result
                progress.tell(result)

    try:
        for done in as_completed([pool.submit(judge, batch) for batch in batching.batches(left)]):
            done.result()
    except KeyboardInterrupt:
        print("interrupted; the next run goes on from here")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        bench.close()


class Progress:
    def __init__(self, total: int) -> None:
        self.lock = threading.Lock()
        self._total = total
        self._count = 0
        self._started = self._told = time.monotonic()
        self._explained = report.explained()

    def tell(self, result: Trial) -> None:
        self._count += 1
        if result.verdict == "survived" and result.key not in self._explained:
            print(f"SURVIVED {result.key}", flush=True)
        now = time.monotonic()
        if now - self._told > PROGRESS_SECONDS or self._count == self._total:
            self._told = now
            each = (now - self._started) / self._count
            left = each * (self._total - self._count) / 60
            print(f"{self._count}/{self._total}, {each:.1f} s each, {left:.0f} min left", flush=True)


def _tell(mutants: list[Mutant], trials: dict[str, Trial], *, record: bool) -> int:
    explained = report.explained()
    table = Table("file", "mutants", "killed", "equivalent", "unexplained", "score")
    rows = {}
    survivors: list[str] = []
    for path in dict.fromkeys(mutant.path for mutant in mutants):
        tried = [trials[mutant.key] for mutant in mutants if mutant.path == path and mutant.key in trials]
        killed = _count(tried, "killed")
        survived = [t.key for t in tried if t.verdict == "survived" and t.key not in explained]
        equivalent = sum(t.verdict == "same code" or (t.verdict == "survived" and t.key in explained) for t in tried)
        rows[path] = (killed + len(survived), killed, equivalent)
        score = report.percent(killed, killed + len(survived))
        table.add_row(path, *map(str, (killed + len(survived), killed, equivalent, len(survived))), score)
        survivors += survived
    Console().print(table)
    wrong = [t.key for t in trials.values() if t.verdict == "killed" and t.key in explained]
    stale = sorted(explained - {mutant.key for mutant in mutants}) if record else []
    for title, keys in (("survived", survivors), ("explained, but killed", wrong), ("explained, but gone", stale)):
        for key in keys:
            print(f"{title}: {key}")
    if record:
        unfinished = {mutant.path for mutant in mutants if mutant.key not in trials}
        report.write_table({path: row for path, row in rows.items() if path not in unfinished})
    summary: dict[str, Any] = {
        "mutants": sum(row[0] for row in rows.values()),
        "killed": sum(row[1] for row in rows.values()),
        "equivalent": sum(row[2] for row in rows.values()),
        "not_solidity": _count(trials.values(), "not Solidity"),
        "survived": len(survivors),
        "not_tried": len(mutants) - len(trials),
        "files": {path: {"mutants": m, "killed": k, "equivalent": e} for path, (m, k, e) in rows.items()},
    }
    print(json.dumps(summary))
    return 1 if survivors or wrong or stale or summary["not_tried"] else 0


def _count(trials: Iterable[Trial], verdict: Verdict) -> int:
    return sum(t.verdict == verdict for t in trials)


if __name__ == "__main__":
    raise SystemExit(main())
