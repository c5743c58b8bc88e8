"""Blocks with so many tips each, mined when we say so."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.indexer import world as worlds
from tests.indexer.world import World, id_of

_GAS = hex(400_000)
_STRANGERS = range(1000, 2000)
"""Accounts without a wallet: what they earn is held."""


class Miner:
    """Every twentieth tip has a share that is held; the others are paid at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tips = 0
        verb = world.splitter.functions.tip(id_of(1), id_of(2), 1, id_of(1))
        self._selector: str = verb._encode_transaction_data()[:10]
        self._nonces = {
            viewer.address: world.w3.eth.get_transaction_count(viewer.address) for viewer in world.cast.viewers
        }

    def mine(self, tips: int) -> tuple[int, float]:
        """The block's number, and when the node had mined it (by `time.perf_counter`)."""
        self._ask_all([("eth_sendTransaction", [self._tip()]) for _ in range(tips)])
        self._ask_all([("evm_mine", [])])
        mined_at = time.perf_counter()
        number = int(self._ask_all([("eth_blockNumber", [])])[0], 16)
        self.tips += tips
        return number, mined_at

    def _tip(self) -> dict[str, str]:
        """With its nonce: Anvil takes the questions of a batch together, and would give two of them the same one."""
        rng, payer = self.world.rng, self.world.rng.choice(self.world.cast.viewers).address
        creator = rng.choice(_STRANGERS) if rng.random() < 0.05 else 1
        words = [id_of(creator), id_of(2), rng.randrange(100_000, 1_000_000).to_bytes(32), id_of(rng.randrange(1, 40))]
        nonce, self._nonces[payer] = self._nonces[payer], self._nonces[payer] + 1
        data = self._selector + b"".join(words).hex()
        return {"from": payer, "to": self.world.deployment.splitter, "data": data, "gas": _GAS, "nonce": hex(nonce)}

    def _ask_all(self, questions: list[tuple[str, list[Any]]]) -> list[Any]:
        batch = [
            {"jsonrpc": "2.0", "id": n, "method": method, "params": parameters}
            for n, (method, parameters) in enumerate(questions)
        ]
        request = urllib.request.Request(
            self.world.rpc_url, json.dumps(batch).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as response:
            answers = sorted(json.load(response), key=lambda answer: answer["id"])
        return [answer["result"] for answer in answers]


@contextmanager
def mining(folder: Path) -> Iterator[Miner]:
    """On a copy of the deployed chain in `folder`, with a creator and an agent who have wallets; mines when told to."""
    with worlds.running(folder) as world:
        world.approve()
        for account in (1, 2):
            world.set_wallet(account)
        for viewer in world.cast.viewers:
            world.usdc.functions.mint(viewer.address, 10**12).transact({"from": world.cast.faucet.address})
        world.mine()
        world.request("evm_setAutomine", False)
        yield Miner(world)
