"""Processes: one writes, another stands by; none leaves half a batch behind, however it ends."""

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from indexer import chain as rpc
from indexer.settings import Settings
from ledger import db
from tests.indexer.mirroring import Process, catch_up, free_port, process, rows, verified
from tests.indexer.world import World


async def test_a_standby_takes_over_after_a_kill(world: World, settings: Settings, chain: rpc.Chain) -> None:
    environment = world.environment(settings.database_url)
    with process(environment, "run") as leader:
        first = await asyncio.to_thread(leader.until_logged, "leading")
        with process(environment, "run") as standby:
            await asyncio.to_thread(standby.until_logged, "standing_by")
            for _ in range(5):
                world.tip()
            leader.kill()
            killed_at = time.monotonic()
            second = await asyncio.to_thread(standby.until_logged, "leading")
            assert time.monotonic() - killed_at < 5
            assert second["epoch"] == first["epoch"] + 1
            world.tip()
            await asyncio.to_thread(_until_tips, settings, 6)
            assert standby.end() == 0
    await verified(settings, chain)


async def test_killed_between_rows_and_cursor_nothing_of_the_batch_stays(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    """The rows are written and the commit is still to come, when the process dies."""
    with db.connect(settings.database_url, autocommit=True) as owner:
        owner.execute(_SLOW_INSERT)
        world.tip()
        with process(world.environment(settings.database_url), "run") as running:
            await asyncio.to_thread(running.until_logged, "leading")
            await asyncio.to_thread(_until_asleep, owner)
            running.kill()
        assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(0,)]
        ((number,),) = rows(settings.database_url, "SELECT head_number FROM ledger.cursor")
        assert number < world.head()[0]
        owner.execute("DROP TRIGGER slow ON ledger.usdc_transfer")
    await catch_up(settings, chain)
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(1,)]
    await verified(settings, chain)


def test_a_polite_end_hands_over_at_once(world: World, settings: Settings) -> None:
    with _pair(world.environment(settings.database_url)) as (leader, standby):
        told = time.monotonic()
        assert leader.end() == 0
        assert time.monotonic() - told < 2
        standby.until_logged("leading")
        assert time.monotonic() - told < 2


def test_a_batch_that_takes_long_does_not_delay_the_end(world: World, settings: Settings) -> None:
    world.tip()
    with db.connect(settings.database_url, autocommit=True) as owner:
        owner.execute(_SLOW_INSERT)
        with process(world.environment(settings.database_url), "backfill") as running:
            _until_asleep(owner)
            told = time.monotonic()
            assert running.end() == 1, "it did not get as far as it was told to"
            assert time.monotonic() - told < 2
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(0,)]


def test_a_second_ctrl_c_kills(world: World, settings: Settings) -> None:
    world.tip()
    with db.connect(settings.database_url, autocommit=True) as owner:
        owner.execute(_SLOW_INSERT)
        with process(world.environment(settings.database_url), "run") as running:
            _until_asleep(owner)
            running.signal(signal.SIGINT)
            running.until_logged("stopping")
            running.signal(signal.SIGINT)
            assert running.wait() == -signal.SIGINT


def test_a_frozen_writer_loses_its_lead_and_comes_back_as_a_standby(world: World, settings: Settings) -> None:
    """Stopped between two statements of a transaction, its process alive and its connection whole."""
    environment = world.environment(settings.database_url)
    with db.connect(settings.database_url, autocommit=True) as owner:
        owner.execute(_SLOW_INSERT.replace("60", "1"))
        for _ in range(95):  # more rows, in a range of final blocks, than are written in one statement
            world.tip()
        world.mine(150)
        with process(environment, "run") as frozen:
            _until_asleep(owner)
            frozen.signal(signal.SIGSTOP)
            stopped = time.monotonic()
            with process(environment, "run") as other:
                _until_session(owner, "state = 'idle in transaction'")
                owner.execute("ALTER FUNCTION public.slow() RENAME TO was_slow")
                owner.execute(_NOT_SLOW)
                other.until_logged("leading")
                assert time.monotonic() - stopped < 10
                frozen.signal(signal.SIGCONT)
                frozen.until_logged("lead_lost")
                frozen.until_logged("standing_by")
                _until_tips(settings, 95)


def test_a_standby_knows_where_the_ledger_is(world: World, settings: Settings) -> None:
    port = free_port()
    with _pair(world.environment(settings.database_url), INDEXER_METRICS_PORT=str(port)):
        world.tip()
        _until_tips(settings, 1)
        _until_told(port, "molt_indexer_leading 0.0", f"molt_indexer_head_block {float(world.head()[0])}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"RPC_URLS": ""}, "RPC_URLS"),
        ({"CHAIN_ID": "8453"}, "not 8453"),
        ({"DEPLOYMENT_FILE": "/nowhere.json"}, "DEPLOYMENT_FILE"),
        ({"CHAIN_ID": "0"}, "CHAIN_ID"),
    ],
)
def test_a_wrong_setting_is_named(world: World, settings: Settings, changes: dict[str, str], said: str) -> None:
    environment = {**world.environment(settings.database_url), **changes}
    done = subprocess.run(
        [sys.executable, "-m", "indexer", "run"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_not_there_is_tried_again(world: World, settings: Settings) -> None:
    gone = settings.database_url.replace("ledger_", "nothing_")
    with process(world.environment(gone), "run") as running:
        assert "nothing_" in running.until_logged("lead_lost")["why"]
        assert running.end() == 0


def test_a_schema_that_is_not_there_names_the_command(world: World, postgres_url: str) -> None:
    with db.connect(postgres_url, autocommit=True) as owner:
        owner.execute("GRANT molt_indexer TO CURRENT_USER")
    done = _run(world, postgres_url, "status")
    assert (done.returncode, done.stdout) == (4, "")
    assert "python -m indexer migrate" in done.stderr


async def test_backfill_goes_no_further_than_told(world: World, settings: Settings) -> None:
    world.mine(20)
    until = world.head()[0] - 10
    done = await asyncio.to_thread(_run, world, settings.database_url, "backfill", "--until", str(until))
    assert done.returncode == 0
    assert rows(settings.database_url, "SELECT head_number FROM ledger.cursor") == [(until,)]


def test_status_says_who_writes_and_how_far(world: World, settings: Settings) -> None:
    with _pair(world.environment(settings.database_url)):
        world.tip()
        _until_tips(settings, 1)
        done = _run(world, settings.database_url, "status", "--json")
        shown = _run(world, settings.database_url, "status").stdout
    seen = json.loads(done.stdout)
    assert (done.returncode, seen["alarms"], seen["standbys"]) == (0, [], 1)
    assert seen["head_number"] == world.head()[0]
    assert seen["leader"]["process"].startswith("molt-indexer ")
    assert seen["leader"]["process"] in shown
    assert "1 standing by" in shown
    assert sum(seen["proven_blocks"].values()) == seen["head_number"] - seen["start_number"] + 1
    assert "blocks to receipts" in shown


async def test_status_of_a_ledger_that_nobody_follows_asks_for_somebody(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    await catch_up(settings, chain)
    done = await asyncio.to_thread(_run, world, settings.database_url, "status")
    assert done.returncode == 1
    assert "nobody follows the chain: start `python -m indexer run`" in done.stdout


def _run(world: World, database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = world.environment(database_url)
    command = [sys.executable, "-m", "indexer", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def _pair(environment: dict[str, str], **of_standby: str) -> Iterator[tuple[Process, Process]]:
    """One that leads, and one that stands by."""
    with process(environment, "run") as leader:
        leader.until_logged("leading")
        with process({**environment, **of_standby}, "run") as standby:
            standby.until_logged("standing_by")
            yield leader, standby


def _until_tips(settings: Settings, count: int) -> None:
    for _ in range(200):
        if rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(count,)]:
            return
        time.sleep(0.05)
    raise TimeoutError


def _until_told(port: int, *lines: str) -> None:
    for _ in range(200):
        seen = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode().splitlines()
        if set(lines) <= set(seen):
            return
        time.sleep(0.05)
    raise TimeoutError(seen)


def _until_asleep(owner: "db.psycopg.Connection[tuple[object, ...]]") -> None:
    _until_session(owner, "wait_event = 'PgSleep'")


def _until_session(owner: "db.psycopg.Connection[tuple[object, ...]]", condition: str) -> None:
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {condition}"
    for _ in range(200):
        if owner.execute(query).fetchone() == (1,):  # type: ignore[arg-type]
            return
        time.sleep(0.05)
    raise TimeoutError


_NOT_SLOW = "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
_SLOW_INSERT = """
CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
CREATE TRIGGER slow AFTER INSERT ON ledger.usdc_transfer FOR EACH STATEMENT EXECUTE FUNCTION public.slow();
"""


def test_a_backfill_starts_without_what_it_does_not_need() -> None:
    """Importing these takes as long as ten thousand rows."""
    spared = {"sqlalchemy", "alembic", "eth_abi", "eth_utils", "web3", "prometheus_client"}
    script = f"import indexer.__main__, sys; print(*({spared} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "\n"
