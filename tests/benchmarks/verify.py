"""How long a verification takes, and whether it finds what is wrong: `python -m tests.benchmarks.verify`.

Tips on an Anvil of its own, a hundred in each block, about five rows each; a ledger filled from it; then `python -m
indexer verify` as a person would run it: of the ledger as it is; then with one amount altered, one row missing, and one
too many. The last line is JSON: rows, seconds of each stage, the most memory that the command took, and what it named.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.local import chain as local_chain
from deploy.local import postgres
from ledger import db
from tests.indexer import world as worlds
from tests.indexer.world import World, id_of

_TIPS_PER_BLOCK = 100
"""Less gas than blocks aim at, so that the base fee does not grow without end."""
_PAIRS, _WITH_WALLET, _REFS = 40, 30, 60
_TIP_GAS = hex(400_000)
_EMPTY_BLOCKS = 4
_SAID_EVERY_SECONDS = 10.0
_LIMIT_SECONDS = 60.0

_AMOUNT = "UPDATE ledger.tip_split SET amount_micro_usdc = amount_micro_usdc + 1"
_MISSING = "DELETE FROM ledger.usdc_transfer"
_TOO_MANY = """INSERT INTO ledger.usdc_transfer SELECT chain_id, block_number, log_index + 100000, tx_hash,
    from_address, to_address, amount_micro_usdc, noticed_block_number FROM ledger.usdc_transfer"""
DAMAGES = [
    ("an altered amount", "tip_split", _AMOUNT, 0, "amount_micro_usdc"),
    ("a missing row", "usdc_transfer", _MISSING, 0, None),
    ("a row too many", "usdc_transfer", _TOO_MANY, 100_000, None),
]
"""What it is, of which table, how, how far from the damaged row it shows, and in which column."""


@dataclass(frozen=True)
class Command:
    """`python -m indexer` with this environment."""

    environment: dict[str, str]

    def run(self, *arguments: str) -> tuple[float, int, str]:
        """Seconds, the most memory in MB, and what it printed."""
        began, megabytes = time.monotonic(), 0
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen([sys.executable, "-m", "indexer", *arguments], env=self.environment, stdout=said)
            while process.poll() is None:
                megabytes = max(megabytes, _most_memory(process.pid))
                time.sleep(0.1)
            said.seek(0)
            if process.returncode not in {0, 1}:
                raise RuntimeError(f"{arguments} ended with {process.returncode}")
            return time.monotonic() - began, megabytes, said.read()


def _most_memory(pid: int) -> int:
    """In MB, so far; 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


@contextmanager
def filled(blocks: int) -> Iterator[tuple[Command, str, float]]:
    """A ledger that has all of such a chain: how to ask, where it is, and how long filling it took."""
    with tempfile.TemporaryDirectory(prefix="molt-verify-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL will not run as root
        with postgres.running(folder / "postgres") as server, _tipped(folder, blocks) as world:
            url = postgres.ensure_database(server, "verify")
            db.migrate(url, "ledger")
            command = Command({**world.environment(url), "LOG_LEVEL": "info"})
            seconds, _, _ = command.run("backfill")
            yield command, url, seconds


@contextmanager
def _tipped(folder: Path, blocks: int) -> Iterator[World]:
    """So many blocks full of tips, some shares of which are held; all but the last few blocks are final."""
    with local_chain.running(state=folder / "state.json") as url:
        local_chain.ensure_deployed(url, folder / "deployment.json")
    with worlds.running(folder, epoch_blocks=1) as world:
        for account in range(1, _WITH_WALLET):
            world.set_wallet(account)
        viewers = [viewer.address for viewer in world.cast.viewers]
        for viewer in viewers:
            world._send(world.usdc.functions.mint(viewer, 10**12), world.cast.faucet)
            world.request("anvil_setBalance", viewer, hex(10**24))
        world.approve()
        world.until_mined()
        world.request("evm_setAutomine", False)
        nonces = {
            viewer: world.w3.eth.get_transaction_count(world.w3.to_checksum_address(viewer)) for viewer in viewers
        }
        began = said = time.monotonic()
        with httpx.Client(base_url=world.rpc_url, timeout=120) as http:
            for number in range(blocks):
                _send(http, [_tip(world, nonces, viewers[n % len(viewers)]) for n in range(_TIPS_PER_BLOCK)])
                world.mine()
                if time.monotonic() - said > _SAID_EVERY_SECONDS:
                    said = time.monotonic()
                    _say(f"{number} of {blocks} blocks after {said - began:.0f} s")
        world.mine(_EMPTY_BLOCKS)
        yield world


def _tip(world: World, nonces: dict[str, int], viewer: str) -> dict[str, Any]:
    """With its nonce: Anvil takes the questions of a batch together, and would give two of them the same one."""
    pick, nonces[viewer] = world.rng.randrange, nonces[viewer] + 1
    call = world.splitter.functions.tip(
        id_of(pick(1, _PAIRS, 2)), id_of(pick(2, _PAIRS, 2)), 100_000, id_of(pick(_REFS))
    )
    return {
        "from": viewer,
        "to": call.address,
        "data": call._encode_transaction_data(),
        "gas": _TIP_GAS,
        "nonce": hex(nonces[viewer] - 1),
    }


def _send(http: httpx.Client, requests: list[dict[str, Any]]) -> None:
    questions = [
        {"jsonrpc": "2.0", "id": number, "method": "eth_sendTransaction", "params": [request]}
        for number, request in enumerate(requests)
    ]
    for answer in http.post("/", json=questions).json():
        if "error" in answer:
            raise local_chain.ChainError(str(answer["error"]))


def measure(command: Command, url: str) -> dict[str, Any]:
    """Verifies the ledger as it is, then damaged in three places. AssertionError: one was not named."""
    seconds, megabytes, said = command.run("verify")
    found = json.loads(said.splitlines()[-1])
    assert found["equal"], said
    expected = _damage(url)
    seconds_damaged, _, said = command.run("verify")
    named = {_name(each): each for each in json.loads(said.splitlines()[-1])["first_differences"]}
    assert expected.keys() <= named.keys(), said
    return {
        "rows": sum(count for table, count in found["rows"].items() if table != "block"),
        "questions": sum(found["questions"].values()),
        "seconds": round(seconds, 1),
        "seconds_damaged": round(seconds_damaged, 1),
        "stages_seconds": found["seconds"],
        "megabytes": megabytes,
        "named": {damage: name for name, damage in expected.items()},
    }


def _damage(url: str) -> dict[str, str]:
    """Each kind once, in the middle of the ledger; answers how each must be named."""
    expected = {}
    with db.connect(url, autocommit=True) as owner:
        for offset, (damage, table, statement, shift, column) in enumerate(DAMAGES):
            query = f"""SELECT block_number, log_index FROM ledger.{table} ORDER BY 1, 2
                OFFSET (SELECT count(*) / 2 + {offset} FROM ledger.{table}) LIMIT 1"""
            number, log_index = owner.execute(query).fetchone()  # type: ignore[misc,call-overload]
            owner.execute(f"{statement} WHERE block_number = {number} AND log_index = {log_index}")  # type: ignore[call-overload]
            place = {"block_number": number, "log_index": log_index + shift}
            expected[_name({"where": table, "place": place, "column": column})] = damage
    return expected


def _name(difference: dict[str, Any]) -> str:
    place = difference["place"]
    row = f"{difference['where']} {place.get('block_number')}/{place.get('log_index')}"
    return f"{row} {difference['column'] or 'row'}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.verify", description=__doc__)
    parser.add_argument("--blocks", type=int, default=2300, help="of 100 tips, about 460 rows, each")
    asked = parser.parse_args()
    with filled(asked.blocks) as (command, url, backfill_seconds):
        result: dict[str, Any] = {"holds": True, "backfill_seconds": round(backfill_seconds, 1)}
        try:
            result |= measure(command, url)
            result["holds"] = result["seconds"] < _LIMIT_SECONDS
        except AssertionError as error:
            _say(str(error))
            result["holds"] = False
    sys.stdout.write(json.dumps(result) + "\n")
    return int(not result["holds"])


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
