"""Lies about a single answer: each takes a true result and returns a false one, or None where it has nothing to say.

Pure, but for the dice. Results are as JSON has them; what comes in is never changed in place.
"""

import random
from collections.abc import Callable
from typing import Any

NULL = "null"
"""Stands for a result of null, as None says that a lie does not apply."""

Result = Any
Lie = Callable[[random.Random, Result], Result | None]


def empty(_rng: random.Random, result: Result) -> Result | None:
    if _is_logs(result):
        return []
    return NULL if _is_header(result) or _is_receipts(result) else None


def leave_out(rng: random.Random, result: Result) -> Result | None:
    return _with_logs(rng, result, 1, lambda logs, at: logs[:at] + logs[at + 1 :])


def cut_tail(rng: random.Random, result: Result) -> Result | None:
    return _with_logs(rng, result, 2, lambda logs, _: logs[: len(logs) // 2])


def shuffle(rng: random.Random, result: Result) -> Result | None:
    return _with_logs(rng, result, 2, lambda logs, _: logs[::-1])


def duplicate(rng: random.Random, result: Result) -> Result | None:
    return _with_logs(rng, result, 1, lambda logs, at: [*logs[: at + 1], *logs[at:]])


def removed(rng: random.Random, result: Result) -> Result | None:
    return _with_logs(rng, result, 1, lambda logs, at: [*logs[:at], {**logs[at], "removed": True}, *logs[at + 1 :]])


def alter(rng: random.Random, result: Result) -> Result | None:
    if _is_header(result):
        field = rng.choice(["logsBloom", "receiptsRoot", "timestamp", "stateRoot", "parentHash"])
        return {**result, field: _other_digit(rng, result[field])}

    def altered(logs: list[Any], at: int) -> list[Any]:
        field = "data" if len(logs[at]["data"]) > 2 else "address"
        return [*logs[:at], {**logs[at], field: _other_digit(rng, logs[at][field])}, *logs[at + 1 :]]

    return _with_logs(rng, result, 1, altered)


LIES: dict[str, Lie] = {lie.__name__: lie for lie in (empty, leave_out, cut_tail, shuffle, duplicate, removed, alter)}
"""By the name of the fault."""


def _with_logs(
    rng: random.Random, result: Result, least: int, change: Callable[[list[Any], int], list[Any]]
) -> Result | None:
    """The result with the logs of an `eth_getLogs` answer, or of one receipt, changed; `change` gets a position too."""
    if _is_logs(result):
        return change(result, rng.randrange(len(result))) if len(result) >= least else None
    if _is_receipts(result):
        candidates = [at for at, receipt in enumerate(result) if len(receipt["logs"]) >= least]
        if candidates:
            at = rng.choice(candidates)
            logs = result[at]["logs"]
            lied = {**result[at], "logs": change(logs, rng.randrange(len(logs)))}
            return [*result[:at], lied, *result[at + 1 :]]
    return None


def _other_digit(rng: random.Random, value: str) -> str:
    at = rng.randrange(2, len(value))
    return value[:at] + rng.choice([digit for digit in "0123456789abcdef" if digit != value[at]]) + value[at + 1 :]


def _is_logs(result: Result) -> bool:
    return isinstance(result, list) and len(result) > 0 and "topics" in result[0]


def _is_receipts(result: Result) -> bool:
    return isinstance(result, list) and len(result) > 0 and "cumulativeGasUsed" in result[0]


def _is_header(result: Result) -> bool:
    return isinstance(result, dict) and "parentHash" in result
