"""An API that dies between broadcast and answer: the payer sends the same payment again, and it is one tip."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.local.up import free_port
from tests.end_to_end.platform import Platform
from tests.end_to_end.test_paying_by_x402 import decoded, payment

AT_ONCE = 50


@contextmanager
def another_api(platform: Platform, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A replica on the same database and chain."""
    port = str(free_port())
    environment = {**os.environ, **platform.environment, "MOLT_PORT": port}
    url = f"http://127.0.0.1:{port}/api/v1"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "api", "run"], env=environment, stdout=output, stderr=output)
    try:
        platform.until(lambda: _is_up(url), bool)
        yield url, process
    finally:
        process.kill()
        process.wait()


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def test_payment_survives_a_kill_between_broadcast_and_answer(platform: Platform, tmp_path: Path) -> None:
    episode, payer = platform.an_episode(), platform.a_payer()
    headers = payment(platform, episode, payer)
    where = f"/episodes/{episode['id']}/tip"
    platform.request("evm_setAutomine", False)  # what is broadcast stays unmined: nobody can be answered yet
    try:
        with another_api(platform, tmp_path / "replica.log") as (url, process), ThreadPoolExecutor(AT_ONCE) as pool:

            def send(_: int) -> int:
                try:
                    return httpx.post(url + where, headers=headers, timeout=60).status_code
                except httpx.TransportError:
                    return 0

            sent = [pool.submit(send, number) for number in range(AT_ONCE)]
            platform.until(
                lambda: platform.value("SELECT count(*) FROM relay.outbox WHERE state = 'broadcast'"), lambda n: n > 0
            )
            time.sleep(0.5)
            process.kill()
            assert {each.result() for each in sent} <= {0, 202}
    finally:
        platform.request("evm_setAutomine", True)
        platform.mine(1)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        again = list(pool.map(lambda _: platform.http.post(where, headers=headers), range(AT_ONCE)))
    assert {answer.status_code for answer in again} <= {200, 202}
    settled = {answer.json()["settlement"]["tx_hash"] for answer in again if answer.status_code == 200}
    assert len(settled) == 1
    assert decoded(again[0].headers["PAYMENT-RESPONSE"])["transaction"] in settled
    assert platform.balance(payer.address) == 9_750_000
    assert len(platform.get("/tips", payer=payer.address)["data"]) == 1
