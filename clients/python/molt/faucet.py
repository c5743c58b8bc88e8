"""Test USDC and gas on a local chain."""

import time

from molt.client import Molt
from molt.problems import ChainRefused, OutcomeUnknown
from molt.shapes import Poured

TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.5
_FAILED = {"refused", "mined_reverted"}


def pour(molt: Molt, address: str, amount_micro_usdc: int | None = None, *, timeout: float = TIMEOUT_SECONDS) -> Poured:
    """Asks for it and waits until it has arrived. Raises `ApiProblem`, `ChainRefused`, `OutcomeUnknown` when late."""
    poured = molt.pour(address, amount_micro_usdc)
    deadline = time.monotonic() + timeout
    while not poured["done"]:
        if _FAILED & {poured["usdc"]["state"], poured["gas"]["state"]}:
            raise ChainRefused(f"the faucet's transactions failed: {poured['usdc']['state']}, {poured['gas']['state']}")
        if time.monotonic() > deadline:
            raise OutcomeUnknown(
                f"the faucet has not delivered after {timeout:.0f} s",
                hint="`molt doctor` tells whether the relayer works",
            )
        time.sleep(_POLL_SECONDS)
        poured = molt.poured(poured["id"])
    return poured
