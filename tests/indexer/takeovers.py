"""Two indexers; the one that leads is killed, again and again: the other takes over, and nobody ever writes beside it.

`python -m tests.indexer.takeovers --kills 300` starts its own PostgreSQL and Anvil. A kill is SIGKILL after a random
time; a trigger holds many a transaction open between its rows and its commit, so that kills fall there too. Now and
then the leader is stopped (SIGSTOP) instead, loses its lock or its epoch, and goes on: what it then tries to write must
be refused. Every move of the cursor is noted by the database, with the name of who made it.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local import chain as local_chain
from deploy.local import postgres
from indexer import chain as rpc
from indexer import log as logs
from ledger import db
from tests.indexer import mirroring
from tests.indexer import world as worlds
from tests.indexer.world import World
from tests.indexer.zygote import Zygote

TAKEOVER_SECONDS = 5.0
_FENCE_EVERY = 20
_PACE_SECONDS = 0.05

Say = Callable[[str], None]


def play(world: World, database_url: str, kills: int, say: Say = lambda _: None) -> dict[str, Any]:
    """AssertionError: the ledger differs, a takeover took too long, or two wrote. TimeoutError: nobody took over."""
    took, in_transaction, fenced = [], 0, 0
    with _audited(database_url) as owner, tempfile.TemporaryDirectory() as folder, Zygote() as zygote:
        pair = Pair(owner, zygote, world.environment(database_url), Path(folder))
        with _traffic(world), pair.telling(say):
            for number in range(1, kills + 1):
                pair.until_both_are_up()
                if number % _FENCE_EVERY == 1:
                    pair.stop_without_lock()
                    pair.stop_without_epoch()
                    fenced += 2
                    pair.until_both_are_up()
                time.sleep(world.rng.uniform(0.0, 0.6))
                in_transaction += pair.leader_writes()
                took.append(pair.kill_leader())
                say(f"kill {number}/{kills}: taken over in {took[-1] * 1000:.0f} ms, epoch {pair.epoch()}")
                assert took[-1] < TAKEOVER_SECONDS, f"kill {number}: taken over after {took[-1]:.1f} s only"
        epochs = _one_writer_each(owner)
        pair.end()
    rows = asyncio.run(_verified(world, database_url))
    return {
        "kills": kills,
        "kills_within_a_transaction": in_transaction,
        "takeover_ms_median": round(statistics.median(took) * 1000),
        "takeover_ms_worst": round(max(took) * 1000),
        "fenced_attempts_refused": fenced,
        "epochs_with_one_writer_each": epochs,
        "rows_equal_after_kills": rows,
    }


class Pair:
    """Two indexers on one ledger, each known to the database by its name."""

    def __init__(
        self, owner: "db.psycopg.Connection[Any]", zygote: Zygote, environment: dict[str, str], folder: Path
    ) -> None:
        self._owner, self._zygote, self._environment, self._folder = owner, zygote, environment, folder
        self._pids: set[int] = set()
        for _ in range(2):
            self._start()

    def until_both_are_up(self) -> None:
        _until(lambda: self.leader() is not None and len(self._connected()) == 2, "two indexers are up")

    def leader(self) -> str | None:
        """Who has the writer's lock."""
        return next((name for name, leads in self._connected().items() if leads), None)

    def leader_writes(self) -> bool:
        """Whether its transaction is open."""
        found = self._owner.execute(
            "SELECT xact_start IS NOT NULL AND query NOT LIKE 'COMMIT%%' FROM pg_stat_activity"
            " WHERE application_name = %s AND state <> 'idle'",
            (self.leader(),),
        ).fetchone()
        return bool(found and found[0])

    def epoch(self) -> int:
        found = self._owner.execute("SELECT max(epoch) FROM ledger.cursor").fetchone()
        return (found and found[0]) or 0

    def kill_leader(self) -> float:
        """Seconds until the other one has taken over the cursor; then the killed one is started again."""
        name, before = self._known_leader(), self.epoch()
        pid = self._pid_of(name)
        self._pids.remove(pid)
        os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        _until(lambda: self.epoch() > before, "the other one takes over")
        took = time.monotonic() - killed_at
        self._start()
        return took

    def stop_without_lock(self) -> None:
        """The leader is stopped, and its connection cut; the other one takes over. Then it goes on where it was."""
        name, before = self._known_leader(), self.epoch()
        with self._stopped(name):
            self._owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,)
            )
            _until(lambda: self.epoch() > before, "the other one takes over")
        _until(lambda: "lead_lost" in self._log(name), f"{name} notices that it leads no more")

    def stop_without_epoch(self) -> None:
        """The leader is stopped, somebody else takes the cursor, and it goes on with its connection as it was: its
        next write is refused by the epoch."""
        _until(lambda: self.leader() is not None, "one leads")
        name = self._known_leader()
        _until(lambda: self._take_epoch_from(name), "the cursor is free")
        _until(lambda: "Fenced" in self._log(name), f"{name} is refused")

    @contextmanager
    def telling(self, say: Say) -> Iterator[None]:
        """When something goes wrong, what the indexers logged last is said."""
        try:
            yield
        except (AssertionError, TimeoutError):
            say(f"connected: {self._connected()}, epoch {self.epoch()}")
            for pid in self._pids:
                say(f"{pid}: " + (self._folder / str(pid)).read_text()[-2000:])
            raise

    def _take_epoch_from(self, name: str) -> bool:
        """False when it was stopped within a transaction, which has the cursor."""
        with self._stopped(name):
            try:
                self._owner.execute("UPDATE ledger.cursor SET epoch = epoch + 1")
            except db.psycopg.errors.LockNotAvailable:
                return False
        return True

    def end(self) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)

    def _known_leader(self) -> str:
        name = self.leader()
        assert name is not None
        return name

    def _connected(self) -> dict[str, bool]:
        """Name → whether it has the lock."""
        found = self._owner.execute(
            "SELECT application_name, bool_or(coalesce(granted, false)) FROM pg_stat_activity"
            " LEFT JOIN pg_locks ON pg_locks.pid = pg_stat_activity.pid AND locktype = 'advisory' GROUP BY 1"
        )
        return {name: leads for name, leads in found.fetchall() if self._pid_of(name) in self._pids}

    @staticmethod
    def _pid_of(name: str) -> int:
        """An indexer names its session `… host:pid`."""
        pid = name.rpartition(":")[2]
        return int(pid) if pid.isdigit() else 0

    @contextmanager
    def _stopped(self, name: str) -> Iterator[None]:
        os.kill(self._pid_of(name), signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._pid_of(name), signal.SIGCONT)

    def _start(self) -> None:
        environment = {**self._environment, "LOG_LEVEL": "info"}
        self._pids.add(self._zygote.start(environment, self._folder, "run"))

    def _log(self, name: str) -> str:
        return (self._folder / str(self._pid_of(name))).read_text()


@contextmanager
def _audited(database_url: str) -> Iterator["db.psycopg.Connection[Any]"]:
    """The owner's connection to a database that notes who moved the cursor, and that takes its time now and then."""
    with db.connect(database_url, autocommit=True) as owner:
        owner.execute(_AUDIT)
        owner.execute("SET lock_timeout = '300ms'")
        yield owner
        owner.execute("SET lock_timeout = '10s'; DROP TRIGGER slow ON ledger.block")


def _one_writer_each(owner: "db.psycopg.Connection[Any]") -> int:
    """How many epochs were written in; AssertionError when two wrote in one, or one after the next had begun."""
    shared = owner.execute(
        "SELECT epoch, array_agg(DISTINCT writer) FROM public.cursor_move GROUP BY 1 HAVING count(DISTINCT writer) > 1"
    ).fetchall()
    assert not shared, f"more than one wrote in an epoch: {shared}"
    late = owner.execute(
        "SELECT * FROM (SELECT *, max(epoch) OVER (ORDER BY id) AS newest FROM public.cursor_move) AS t"
        " WHERE epoch < newest"
    ).fetchall()
    assert not late, f"written in an epoch that was over: {late}"
    found = owner.execute("SELECT count(DISTINCT epoch) FROM public.cursor_move").fetchone()
    assert found is not None
    return int(found[0])


@contextmanager
def _traffic(world: World) -> Iterator[None]:
    """The chain acts meanwhile, and is reorganised now and then."""
    over, rng = threading.Event(), random.Random(world.rng.random())

    def act() -> None:
        while not over.wait(_PACE_SECONDS):
            world.random_action()
            if rng.random() < 0.05:
                world.reorganise(rng.randrange(1, 6))

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def _verified(world: World, database_url: str) -> dict[str, int]:
    settings = world.settings(database_url)
    async with rpc.Chain([world.rpc_url]) as chain:
        await mirroring.catch_up(settings, chain)
        return (await mirroring.verified(settings, chain)).rows


def _until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"waited {seconds} s until {what}")
        time.sleep(0.005)


_AUDIT = """
CREATE TABLE public.cursor_move (id bigserial, epoch bigint, writer text);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO public.cursor_move (epoch, writer) VALUES (NEW.epoch, current_setting('application_name'));
    RETURN NULL;
END; $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON ledger.cursor FOR EACH ROW EXECUTE FUNCTION public.note();
CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_sleep(0.2) WHERE random() < 0.3; RETURN NULL;
END; $$;
CREATE TRIGGER slow AFTER INSERT ON ledger.block FOR EACH STATEMENT EXECUTE FUNCTION public.slow();
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.indexer.takeovers", description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    asked = parser.parse_args()
    logs.configure("console", "error")
    started, result = time.monotonic(), {"seed": asked.seed, "holds": True}
    with tempfile.TemporaryDirectory(prefix="molt-takeovers-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL will not run as root
        with local_chain.running(state=folder / "state.json") as url:
            local_chain.ensure_deployed(url, folder / "deployment.json")
        with postgres.running(folder / "postgres") as server, worlds.running(folder, seed=asked.seed) as world:
            database_url = postgres.ensure_database(server, "takeovers")
            db.migrate(database_url, "ledger")
            world.approve()
            try:
                result |= play(world, database_url, asked.kills, _say)
            except (AssertionError, TimeoutError) as error:
                _say(f"seed {asked.seed}: {error}")
                result |= {"holds": False, "why": str(error)}
    result["seconds"] = round(time.monotonic() - started, 1)
    sys.stdout.write(json.dumps(result) + "\n")
    return int(not result["holds"])


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
