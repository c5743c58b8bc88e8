"""Who is measured: how each is started, and where it keeps its tips."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.local import chain as local_chain
from deploy.local.services import die_with_parent, end
from indexer.topics import TIP_SPLIT
from tests.benchmarks.live.commits import Tips
from tests.benchmarks.peers import ponder
from tests.indexer.world import World


@dataclass(frozen=True)
class Place:
    """What a contender is given: a chain, an empty database (with our schema in it, for ours), a folder."""

    world: World
    database_url: str
    folder: Path

    @property
    def ws_url(self) -> str:
        return self.world.rpc_url.replace("http", "ws", 1)


@dataclass(frozen=True)
class Contender:
    name: str
    tips: Tips
    running: Callable[[Place], AbstractContextManager[object]]
    """Raises PeerUnavailable when it cannot be run on this machine."""


@contextmanager
def _bare(place: Place, **more: str) -> Iterator[None]:
    found = place.world.deployment
    environment = {
        **more,
        "WS_URL": place.ws_url,
        "DATABASE_URL": place.database_url,
        "ADDRESSES": f"{found.splitter},{found.usdc}",
        "FIRST_BLOCK": str(found.deployed_at_block),
    }
    with _module(["tests.benchmarks.live.follower"], environment, place.folder / "bare.log"):
        yield


@contextmanager
def _ours(place: Place) -> Iterator[None]:
    """With the defaults that it has for everybody."""
    environment = {
        "DATABASE_URL": place.database_url,
        "RPC_URLS": place.world.rpc_url,
        "INDEXER_WS_URLS": place.ws_url,
        "CHAIN_ID": str(place.world.deployment.chain_id),
        "DEPLOYMENT_FILE": str(place.world.deployment_file),
        "LOG_FORMAT": "json",
    }
    with _module(["indexer", "run"], environment, place.folder / "ours.log"):
        yield


@contextmanager
def _ponder(place: Place) -> Iterator[None]:
    found, payers = place.world.deployment, [viewer.address for viewer in place.world.cast.viewers]
    start = found.deployed_at_block
    with ponder.live(place.world.rpc_url, place.ws_url, place.database_url, found, payers, start):
        yield


_LOGS = Tips("public.log", only=f"topic0 = '\\x{TIP_SPLIT[2:]}'::bytea")
BARE = Contender("bare", _LOGS, _bare)
HASTY = Contender("hasty", _LOGS, partial(_bare, PGOPTIONS="-c synchronous_commit=off"))
"""The bare one, waiting for its commits no longer than ours does (docs/decisions/0010)."""
OURS = Contender("ours", Tips("ledger.tip_split"), _ours)
PONDER = Contender("ponder", Tips(f"{ponder.SCHEMA}.tip_split"), _ponder)
ALL = (BARE, HASTY, OURS, PONDER)


@contextmanager
def _module(words: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """A Python module in a process of its own."""
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=local_chain.ROOT,
            env={**os.environ, **environment},
            stdout=said,
            stderr=said,
            preexec_fn=die_with_parent,  # noqa: PLW1509 (no thread of ours holds a lock here)
        )
    try:
        yield
    finally:
        end(process)
