"""Kills relayers at random moments while requests pour in, then counts on the chain: nothing lost, nothing twice.

`python -m tests.relayer.chaos --kills 100` starts its own PostgreSQL and Anvil, shows its progress, ends with a line of
JSON, and exits non-zero when a request was lost or acted twice. Every request pays a fresh address an amount of its
own, so that acting twice shows in a balance, and every nonce that the chain counts must belong to exactly one request.
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import UUID

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from rich.console import Console
from rich.table import Table

from deploy.local import chain as local_chain
from deploy.local import postgres
from ledger import db
from tests.relayer.world import RELAYERS, World, a_world, fresh_address, key_of

console = Console(stderr=True, highlight=False)
MINT = keccak(text="mint(address,uint256)")[:4]
BALANCE_OF = keccak(text="balanceOf(address)")[:4]
USDC = bytes.fromhex(local_chain.USDC[2:])
PROGRESS_SECONDS = 5.0
KEYS = ("relayer", "relayer", "registrar", "faucet")
"""Names as often as they are asked for; `relayer` has three keys."""


@dataclass
class Payment:
    """A request whose effect can be counted. The faucet's mints USDC, the others' pay ether."""

    id: UUID
    key: str
    recipient: bytes
    amount: int


@dataclass
class Result:
    kills: int = 0
    requests: int = 0
    acted_once: int = 0
    lost: int = 0
    acted_twice: int = 0
    reorganisations: int = 0
    pools_emptied: int = 0
    replacements: int = 0
    unaccounted_nonces: int = 0
    killed_while: dict[str, int] = field(default_factory=dict)
    """What the killed relayer's key had on its way at that moment."""
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return self.acted_once == self.requests and not (self.lost or self.acted_twice or self.unaccounted_nonces)


class Chaos:
    """Two relayers compete for the keys; whichever holds one is killed, and a new one takes its place."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        world.keys["RELAYER_KEY"] = ",".join(map(key_of, RELAYERS))
        self._random = random.Random(seed)
        self._relayers: list[subprocess.Popen[bytes]] = []
        self._payments: list[Payment] = []
        self._shown_at = 0.0
        self.result = Result()

    async def run(self, kills: int) -> Result:
        began = time.monotonic()
        self._relayers = [self._start() for _ in range(2)]
        pouring = asyncio.create_task(self._pour())
        try:
            while self.result.kills < kills:
                await asyncio.sleep(self._random.uniform(0.2, 2.0))
                await self._disturb()
                await self._kill_a_holder()
                self._show(f"{self.result.kills}/{kills} killed, {len(self._payments)} requests")
            await _stop(pouring)
            await self._until_settled()
        finally:
            pouring.cancel()
            for process in self._relayers:
                process.kill()
                process.wait()
        await self._count()
        self.result.seconds = round(time.monotonic() - began, 1)
        return self.result

    def _show(self, progress: str) -> None:
        if time.monotonic() - self._shown_at > PROGRESS_SECONDS:
            console.print(f"  {progress}")
            self._shown_at = time.monotonic()

    def _start(self) -> subprocess.Popen[bytes]:
        return self._world.process(RELAYER_LOW_BALANCE_ETH="0", RELAYER_STUCK_AFTER_SECONDS="0.5")

    async def _pour(self) -> None:
        while True:
            await self._request()
            await asyncio.sleep(self._random.uniform(0, 0.4))

    async def _request(self) -> None:
        key, recipient, amount = self._random.choice(KEYS), fresh_address(), 1000 + len(self._payments)
        act = {"to": recipient, "value_wei": amount}
        if key == "faucet":
            mint = MINT + encode(["address", "uint256"], ["0x" + recipient.hex(), amount])
            act = {"to": USDC, "value_wei": 0, "data": mint}
        outbox_id = await self._world.enqueue(key=key, dedupe_key=f"chaos:{amount}", **act)
        self._payments.append(Payment(outbox_id, key, recipient, amount))

    async def _disturb(self) -> None:
        chance = self._random.random()
        if chance < 0.06:
            await self._world.rpc("anvil_reorg", self._random.randint(1, 3), [])
            self.result.reorganisations += 1
        elif chance < 0.12:
            await self._world.rpc("anvil_dropAllTransactions")
            self.result.pools_emptied += 1

    async def _kill_a_holder(self) -> None:
        """Waits until one of ours holds a key; standbys and starters are not worth killing."""
        while True:
            lanes = await self._world.rows("SELECT address, split_part(holder, ':', 2)::int AS pid FROM relay.lane")
            alive = {process.pid: process for process in self._relayers}
            held = [lane for lane in lanes if lane["pid"] in alive]
            if held:
                break
            await asyncio.sleep(0.02)
        lane = self._random.choice(held)
        on_the_way = await self._world.rows(
            """SELECT state, count(*) FROM relay.outbox WHERE sender = %s AND state IN ('signed', 'broadcast')
            GROUP BY state ORDER BY state""",
            lane["address"],
        )
        process = alive[lane["pid"]]
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.result.kills += 1
        doing = " and ".join(row["state"] for row in on_the_way) or "nothing signed"
        self.result.killed_while[doing] = self.result.killed_while.get(doing, 0) + 1
        self._relayers.remove(process)
        self._relayers.append(self._start())

    async def _until_settled(self, seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            open_ones = await self._world.rows("SELECT count(*) FROM relay.outbox WHERE settled_at IS NULL")
            self._show(f"waiting for {open_ones[0]['count']} to become final")
            if open_ones[0]["count"] == 0:
                return
            await asyncio.sleep(0.5)

    async def _count(self) -> None:
        self.result.requests = len(self._payments)
        for payment in self._payments:
            received = await self._received(payment)
            state = (await self._world.status(payment.id)).state
            if received == payment.amount and state == "mined_ok":
                self.result.acted_once += 1
            elif received > payment.amount:
                self.result.acted_twice += 1
            else:
                self.result.lost += 1
        self.result.unaccounted_nonces = await self._unaccounted_nonces()
        extra = "SELECT count(*) - count(DISTINCT (sender, nonce)) AS count FROM relay.attempt"
        self.result.replacements = (await self._world.rows(extra))[0]["count"]

    async def _received(self, payment: Payment) -> int:
        if payment.key != "faucet":
            return await self._world.balance(payment.recipient)
        data = BALANCE_OF + encode(["address"], ["0x" + payment.recipient.hex()])
        call = {"to": local_chain.USDC, "data": "0x" + data.hex()}
        return int(await self._world.rpc("eth_call", call, "latest"), 16)

    async def _unaccounted_nonces(self) -> int:
        """Of each key: what the chain counted since we began, less one for each request."""
        counted = await self._world.rows(
            """SELECT lane.address, lane.next_nonce, min(nonce) AS first, count(*) AS requests
            FROM relay.outbox JOIN relay.lane ON lane.address = sender WHERE nonce IS NOT NULL GROUP BY 1, 2"""
        )
        difference = 0
        for row in counted:
            nonce = int(await self._world.rpc("eth_getTransactionCount", "0x" + row["address"].hex(), "latest"), 16)
            difference += abs(nonce - row["first"] - row["requests"]) + abs(nonce - row["next_nonce"])
        return difference


async def _stop(task: asyncio.Task[None]) -> None:
    """Raises what it failed of, if it did."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _on_a_platform_of_its_own(folder: Path, kills: int, seed: int) -> Result:
    with postgres.running(folder / "postgres") as admin_url, local_chain.running(epoch_blocks=2) as rpc_url:
        url = postgres.ensure_database(admin_url, "chaos")
        db.migrate(url, "ledger")
        db.migrate(url, "relayer")
        local_chain.install_usdc(local_chain.connect(rpc_url))
        local_chain.mine_every(rpc_url, 1)
        async with a_world(url, rpc_url) as world:
            return await Chaos(world, seed).run(kills)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    console.print(f"relayer: {arguments.kills} times kill -9 under load, seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="molt-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own
        result = asyncio.run(_on_a_platform_of_its_own(folder, arguments.kills, arguments.seed))
    table = Table(show_header=False)
    for what, value in asdict(result).items():
        table.add_row(what.replace("_", " "), str(value))
    console.print(table)
    told = {"chaos": "relayer", "seed": arguments.seed, **asdict(result), "holds": result.holds}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0 if result.holds else 1


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
