"""PostgreSQL crashes under a running indexer, which does not wait for its commits to reach the disk."""

import asyncio
import os
import signal
from pathlib import Path

import psycopg
import pytest

from deploy.local import postgres
from indexer import chain as rpc
from ledger import db
from tests.indexer.mirroring import indexer, rows, until_mirrored, verified
from tests.indexer.world import World

_CRASHES = 3


async def test_what_a_crash_of_the_database_takes_back_is_fetched_again(
    world: World, chain: rpc.Chain, tmp_path: Path
) -> None:
    with postgres.running(tmp_path / "postgres") as server:
        settings = world.settings(postgres.ensure_database(server, "crashing"))
        db.migrate(settings.database_url, "ledger")
        async with indexer(settings, chain) as status:
            for _ in range(_CRASHES):
                for _ in range(5):
                    world.tip()
                await until_mirrored(world, status)
                epoch = rows(settings.database_url, "SELECT epoch FROM ledger.cursor")[0][0]
                await asyncio.to_thread(_crash, server)
                world.tip()
                await until_mirrored(world, status)
                assert rows(settings.database_url, "SELECT epoch FROM ledger.cursor")[0][0] > epoch
        await verified(settings, chain)


def _crash(server: str) -> None:
    """One session is killed: the others end with it, memory is thrown away, and the log is replayed from the disk."""
    with psycopg.connect(server) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
