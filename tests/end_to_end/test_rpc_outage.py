"""The node dies in the middle of many tips: none is lost, none paid twice, and nobody is told more than is known.

`make chaos-tips` plays it at full length (OUTAGE_SECONDS=60, OUTAGE_TIPS=200) and ends with a line of JSON.
"""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from eth_account.signers.local import LocalAccount

from deploy.local import chain
from tests.end_to_end.conftest import EPOCH_BLOCKS, Databases, a_platform
from tests.end_to_end.platform import Json, Platform, from_elsewhere
from tests.end_to_end.test_paying_by_x402 import payment
from tests.kit import wire
from tests.kit.wire import Wire

OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "4.5"))
TIPS = int(os.environ.get("OUTAGE_TIPS", "16"))
AROUND_SECONDS = 2.0
"""Tips go on so long before the outage, and after it."""
HAS, AMOUNT = 1_000_000, 250_000
AT_ONCE = 50
PATIENCE_SECONDS = 120.0


@pytest.fixture
def line(deployed_chain: Path) -> Iterator[tuple[str, Wire]]:
    """A chain of the test's own, and the wire by which the services reach it."""
    with (
        chain.running(load_state=deployed_chain / "state.json", epoch_blocks=EPOCH_BLOCKS) as rpc_url,
        wire.running(rpc_url) as line,
    ):
        yield rpc_url, line


@pytest.fixture
def fragile(
    scratch: Path, postgres_server: str, migrated_template: str, deployed_chain: Path, line: tuple[str, Wire]
) -> Iterator[Platform]:
    databases = Databases(postgres_server, migrated_template)
    folder = scratch / "rpc-outage"
    with a_platform(folder, databases, deployed_chain, rpc_url=line[0], services_rpc_url=line[1].url) as found:
        yield found


@dataclass
class Client:
    """One payer, one signed payment, sent until its outcome is known."""

    platform: Platform
    payer: LocalAccount
    send: Callable[[httpx.Client], httpx.Response]
    begins_at: float
    """Seconds after the start."""
    answers: list[int] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    tx_hash: str = ""

    def run(self, began: float) -> None:
        time.sleep(max(0.0, began + self.begins_at - time.monotonic()))
        with httpx.Client(base_url=f"{self.platform.url}/api/v1", timeout=60, headers=from_elsewhere()) as http:
            while time.monotonic() - began < PATIENCE_SECONDS + OUTAGE_SECONDS:
                answer = self.send(http)
                self.answers.append(answer.status_code)
                if answer.status_code == 503:
                    self.codes.add(answer.json()["code"])
                    time.sleep(min(2.0, float(answer.headers["Retry-After"])))
                    continue
                assert answer.status_code in {200, 202}, answer.text
                if self._settled(http, answer.json()["id"], answer):
                    return

    def _settled(self, http: httpx.Client, tip_id: str, answer: httpx.Response) -> bool:
        """Asks what became of it, as a 202 says."""
        while answer.json().get("status") == "pending":
            time.sleep(0.5)
            answer = http.get(f"/tips/{tip_id}")
            if answer.status_code == 503:
                return False
            assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "settled", answer.text
        self.tx_hash = answer.json()["settlement"]["tx_hash"]
        return True


@pytest.mark.timeout(600)
def test_no_tip_is_lost_or_doubled(fragile: Platform, line: tuple[str, Wire]) -> None:
    source = random.Random(4)
    episode = fragile.an_episode()
    clients = [a_client(fragile, episode, by_x402=number % 2 == 0, source=source) for number in range(TIPS)]
    began = time.monotonic()
    outage = threading.Thread(target=the_node_dies, args=(line[1],))
    outage.start()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda client: client.run(began), clients))
    outage.join()
    fragile.caught_up()

    assert all(client.tx_hash for client in clients), "each was answered in the end"
    assert len({client.tx_hash for client in clients}) == TIPS
    for client in clients:
        assert fragile.balance(client.payer.address) == HAS - AMOUNT
    assert fragile.value("SELECT count(*) FROM ledger.tip_split") == TIPS
    assert fragile.value("SELECT sum(amount_micro_usdc) FROM ledger.tip_split") == TIPS * AMOUNT
    said = Counter(answer for client in clients for answer in client.answers)
    assert said.keys() <= {200, 202, 503}
    assert said[202] + said[503] > 0, "somebody noticed the outage"
    codes = sorted({code for client in clients for code in client.codes})
    told = {"tips": TIPS, "outage_seconds": OUTAGE_SECONDS, "answers": dict(said), "codes": codes}
    print(json.dumps({**told, "seconds": round(time.monotonic() - began, 1), "lost": 0, "doubled": 0}))  # noqa: T201 - for `make chaos-tips`


def the_node_dies(line: Wire) -> None:
    """First it still does what it is asked, and says nothing; then it is gone; then it is back."""
    time.sleep(AROUND_SECONDS)
    line.becomes("deaf")
    time.sleep(OUTAGE_SECONDS / 3)
    line.becomes("cut")
    time.sleep(2 * OUTAGE_SECONDS / 3)
    line.becomes("whole")


def a_client(platform: Platform, episode: Json, *, by_x402: bool, source: random.Random) -> Client:
    """By a stock x402 payment, or by an authorization handed to us; signed before anything happens."""
    payer = platform.a_payer(HAS)
    begins_at = source.uniform(0, OUTAGE_SECONDS + 2 * AROUND_SECONDS)
    if by_x402:
        headers, where = payment(platform, episode, payer), f"/episodes/{episode['id']}/tip"
        return Client(platform, payer, lambda http: http.post(where, headers=headers), begins_at)
    offered = platform.quote(episode, payer=payer)["rails"]["authorization"]
    body, key = platform.signed_submission(offered, payer), {"Idempotency-Key": payer.address}
    return Client(platform, payer, lambda http: http.post("/tips/authorizations", json=body, headers=key), begins_at)
