"""Processes: one writes, another stands by; none leaves half a batch behind, however it ends."""

import asyncio
import json
import subprocess
import sys
import time

import pytest

from indexer import chain as rpc
from indexer.settings import Settings
from ledger import db
from tests.indexer.mirroring import catch_up, process, rows, verified
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


def test_a_polite_end_is_quick_and_clean(world: World, settings: Settings) -> None:
    with process(world.environment(settings.database_url), "run") as running:
        running.until_logged("leading")
        started = time.monotonic()
        assert running.end() == 0
        assert time.monotonic() - started < 5


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


async def test_status_prints_where_the_ledger_stands(world: World, settings: Settings, chain: rpc.Chain) -> None:
    await catch_up(settings, chain)
    command = [sys.executable, "-m", "indexer", "status"]
    environment = world.environment(settings.database_url)
    said = await asyncio.to_thread(subprocess.check_output, command, env=environment)
    assert json.loads(said)["head_number"] == world.head()[0]


def _until_tips(settings: Settings, count: int) -> None:
    for _ in range(200):
        if rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(count,)]:
            return
        time.sleep(0.05)
    raise TimeoutError


def _until_asleep(owner: "db.psycopg.Connection[tuple[object, ...]]") -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    for _ in range(200):
        if owner.execute(query).fetchone() == (1,):
            return
        time.sleep(0.05)
    raise TimeoutError


_SLOW_INSERT = """
CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
CREATE TRIGGER slow AFTER INSERT ON ledger.usdc_transfer FOR EACH STATEMENT EXECUTE FUNCTION public.slow();
"""
