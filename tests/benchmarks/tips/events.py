"""`make bench-events`. From a tip's block to whoever wants to know: the API's answer, and 200 listeners' event.

Against `make up`, a block every two seconds, a tip at a random moment in between. The clock starts when the node first
answers that the transaction is mined, asked every few milliseconds. The last line is one JSON object.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from deploy.local import chain
from tests.benchmarks.tips.stage import at_once, running
from tests.end_to_end.platform import Platform, from_elsewhere

console = Console(stderr=True, highlight=False)
_BLOCK_SECONDS = 2
_LOOK_SECONDS = 0.005
_WITHIN_SECONDS = 30.0
_AMOUNT = 100_000
_POLL_MS = 500
"""How often the indexer asks for the head when nobody announces one (INDEXER_POLL_SECONDS)."""


@dataclass
class Told:
    """When each tip was heard of, by its transaction; seconds (monotonic)."""

    mined: dict[str, float] = field(default_factory=dict)
    visible: dict[str, float] = field(default_factory=dict)
    heard: dict[str, list[float]] = field(default_factory=dict)
    finality: dict[str, str] = field(default_factory=dict)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-events", description=__doc__)
    parser.add_argument("--tips", type=int, default=60)
    parser.add_argument("--listeners", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="molt-bench-") as name:
        Path(name).chmod(0o755)  # PostgreSQL will not run as root
        with running(Path(name), _BLOCK_SECONDS) as platform:
            with at_once(platform, _BLOCK_SECONDS):
                episode, payer = platform.an_episode(), platform.a_payer(given.tips * _AMOUNT)
                approve, tip = platform.quote(episode, amount=_AMOUNT, payer=payer)["rails"]["approve"]["calls"]
                platform.transact(platform.usdc.functions.approve(tip["to"], given.tips * _AMOUNT), payer)
                assert approve["to"] != tip["to"]
            told = asyncio.run(_measure(platform, tip, payer, given.tips, given.listeners))
    result = summary(told, given.listeners)
    console.print_json(json.dumps(result))
    print(json.dumps(result))
    return 0 if result["missed"] == 0 else 1


async def _measure(platform: Platform, call: dict[str, Any], payer: Any, tips: int, listeners: int) -> Told:
    told, ready = Told(), [asyncio.Event() for _ in range(listeners)]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as http:
        listening = [asyncio.create_task(_listen(http, platform, each, told)) for each in ready]
        await asyncio.gather(*(each.wait() for each in ready))
        console.print(f"{listeners} listen")
        for number in range(tips):
            await asyncio.sleep(random.uniform(0, _BLOCK_SECONDS))
            await _tip(http, platform, call, payer, told)
            if (number + 1) % 10 == 0:
                console.print(f"  {number + 1} of {tips} tips")
        await asyncio.sleep(2)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    return told


async def _tip(http: aiohttp.ClientSession, platform: Platform, call: dict[str, Any], payer: Any, told: Told) -> None:
    filled = {
        "to": call["to"],
        "data": call["data"],
        "value": 0,
        "chainId": chain.CHAIN_ID,
        "nonce": await asyncio.to_thread(platform.w3.eth.get_transaction_count, payer.address),
        "gas": 500_000,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
    }
    raw = payer.sign_transaction(filled).raw_transaction
    tx_hash = (await asyncio.to_thread(platform.w3.eth.send_raw_transaction, raw)).to_0x_hex()
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionReceipt", "params": [tx_hash]}
    while True:
        async with http.post(platform.rpc_url, json=asked) as answer:
            if (await answer.json())["result"] is not None:
                break
        await asyncio.sleep(_LOOK_SECONDS)
    told.mined[tx_hash] = time.monotonic()
    while time.monotonic() - told.mined[tx_hash] < _WITHIN_SECONDS:
        elsewhere = from_elsewhere()
        async with http.get(f"{platform.url}/api/v1/tips", params={"tx_hash": tx_hash}, headers=elsewhere) as answer:
            found = (await answer.json())["data"]
        if found:
            told.visible[tx_hash], told.finality[tx_hash] = time.monotonic(), found[0]["settlement"]["finality"]
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _listen(http: aiohttp.ClientSession, platform: Platform, ready: asyncio.Event, told: Told) -> None:
    async with http.get(f"{platform.url}/api/v1/events", params={"kind": "tip.split"}) as stream:
        async for line in stream.content:
            ready.set()
            if line.startswith(b"data: "):
                tx_hash = json.loads(line[6:])["data"]["tx_hash"]
                told.heard.setdefault(tx_hash, []).append(time.monotonic())


def summary(told: Told, listeners: int) -> dict[str, Any]:
    visible = [told.visible[each] - mined for each, mined in told.mined.items() if each in told.visible]
    heard = {each: [max(0.0, at - told.mined[each]) for at in told.heard.get(each, [])] for each in told.mined}
    return {
        "tips": len(told.mined),
        "listeners": listeners,
        "visible_ms": _cuts(visible),
        "visible_within_one_poll": sum(1000 * each <= _POLL_MS for each in visible),
        "finality_when_first_seen": sorted(set(told.finality.values())),
        "event_ms": _cuts([each for of_tip in heard.values() for each in of_tip]),
        "last_listener_ms": _cuts([max(of_tip) for of_tip in heard.values() if of_tip]),
        "missed": sum(listeners - len(of_tip) for of_tip in heard.values()),
        "indexer_poll_ms": _POLL_MS,
    }


def _cuts(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50": round(1000 * cuts[49], 1), "p99": round(1000 * cuts[98], 1)}


if __name__ == "__main__":
    sys.exit(main())
