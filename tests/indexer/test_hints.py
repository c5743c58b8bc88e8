"""Each provider refuses in its own words."""

import email.utils
import random
import time

import pytest

from indexer import hints
from tests.kit.refusals import refusal

RANGES = {
    "query returned more than 10000 results. Try with this block range [0x64, 0xc7].": 100,
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the "
    "response size, or you can request any block range with a cap of 10K logs in the response. Based on your "
    "parameters and the response size limit, this block range should work: [0x0, 0x1F3]": 500,
    "Query timeout exceeded. Consider reducing your block range. Based on your parameters and the response size limit, "
    "this block range should work: [0x5223c98, 0x5223e80]": 489,
    "retry with the range 3600741-3620740": 20_000,
    "eth_getLogs is limited to a 10,000 blocks range": 10_000,
    "You can make eth_getLogs requests with up to a 2K block range and no limit on the response size": 2000,
    "block range too large, max 500 blocks": 500,
    "exceed maximum block range: 50000": 50_000,
    "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800": 800,
    "ranges over 10000 blocks are not supported on freetier": 10_000,
    "eth_getLogs is limited to 0 - 5000 blocks range": 5000,
    "requested too many blocks from 0 to 5000000, maximum is set to 1024": 1024,
    "query returned more than 10000 results": None,
    "query exceeds max results 20000, retry with the range 100-199": 100,
    "block range is too wide": None,
    "response size should not greater than 10000000 bytes": None,
    "query timeout exceeded": None,
    "this block range should work: [0x64, 0x1]": None,
}


@pytest.mark.parametrize("message", RANGES)
def test_what_would_be_taken_is_understood(message: str) -> None:
    assert hints.may_be_range(message)
    assert not hints.says_rate(-32005, message)
    assert hints.blocks(message) == RANGES[message]


def test_the_refusals_of_the_faulty_node_are_understood() -> None:
    for seed in range(60):
        _, error = refusal(random.Random(seed), 1000, 1999, 30)
        assert hints.may_be_range(error["message"]), error
        assert not hints.says_rate(error["code"], error["message"]), error
        assert hints.blocks(error["message"]) in (30, None), error


@pytest.mark.parametrize(
    "message",
    ["header not found", "unknown block", "internal error", "no backend is currently healthy", "method missing"],
)
def test_what_has_nothing_to_do_with_the_range_is_no_reason_to_narrow(message: str) -> None:
    assert not hints.may_be_range(message)
    assert hints.blocks(message) is None


@pytest.mark.parametrize(
    ("code", "message", "seconds"),
    [
        (-32005, "daily request count exceeded, request rate limited", None),
        (-32005, "limit exceeded", None),
        (429, "Your app has exceeded its compute units per second capacity.", None),
        (-32029, "Too many requests, try again in 10 seconds", 10),
        (-32000, "rate limit exceeded, retry after 250ms", 0.25),
        (-32005, 'project ID request rate exceeded {"rate":{"backoff_seconds":30}}', 30),
    ],
)
def test_limits_of_rate_are_understood(code: int, message: str, seconds: float | None) -> None:
    assert hints.says_rate(code, message)
    assert hints.wait_seconds(None, message) == seconds


def test_retry_after_is_seconds_or_a_date() -> None:
    assert hints.wait_seconds("7") == 7
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 57 < (hints.wait_seconds(date) or 0) <= 60
    assert hints.wait_seconds("soon") is None
