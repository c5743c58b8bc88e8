"""What providers mean when they refuse, each in words of its own. Pure."""

import email.utils
import re
import time

_NUMBER = r"(?P<number>\d[\d,_]*+)(?P<thousands>\s?k\b)?+(?!\s*(?:results|logs|bytes|[km]?b\b|m?s\b|sec|min))"
_HEX_RANGE = re.compile(r"\[\s*(0x[0-9a-f]{1,16})\s*,\s*(0x[0-9a-f]{1,16})\s*\]", re.IGNORECASE)
_DECIMAL_RANGE = re.compile(r"with the range (\d{1,16})\s*-\s*(\d{1,16})", re.IGNORECASE)
_MOST_BLOCKS = re.compile(
    r"(?:max(?:imum)?|limit(?:ed)?|up to|at most|over|more than|exceeds?)\b[^\d]{0,24}?(?:0\s*-\s*)?" + _NUMBER,
    re.IGNORECASE,
)
_ABOUT_RANGE = re.compile(
    r"\branges?\b|too many (?:blocks|results|logs)|response size|more than [\d,]+ (?:results|logs)|query timeout|"
    r"timed? ?out|too (?:large|wide|big)|exceed\w* (?:max|the )?\w* ?(?:blocks?|results|logs|size)",
    re.IGNORECASE,
)
_ABOUT_RATE = re.compile(
    r"rate.?limit|too many requests|compute units|requests? (?:per|limit|count)|try again (?:in|later|after)|capacity",
    re.IGNORECASE,
)
_ABOUT_BATCH = re.compile(r"batch", re.IGNORECASE)
_NOT_THERE = re.compile(
    r"not found|unknown block|missing (?:block|header|trie)|beyond current head|after last|not available|"
    r"block .*not exist",
    re.IGNORECASE,
)
_NOT_NOW = re.compile(r"internal error|no backend|healthy|unauthori[sz]ed|forbidden|method|connection", re.IGNORECASE)
_WAIT = re.compile(
    r"(?:try again|retry|wait|back.?off)\w*\W[^\d]{0,20}(\d+(?:\.\d+)?)\s*(ms|milli|s|m)?", re.IGNORECASE
)
_UNIT_SECONDS = {"ms": 0.001, "milli": 0.001, "s": 1.0, "m": 60.0}
_RATE_CODES = (-32029, 429)
_LIMIT_CODE = -32005
"""EIP-1474 "limit exceeded": of requests with some providers, of results with others."""
_READ_CHARACTERS = 1000
"""Of what a stranger wrote."""


def says_range(message: str) -> bool:
    """It asks for fewer blocks at once."""
    return bool(_ABOUT_RANGE.search(message[:_READ_CHARACTERS]))


def may_be_range(message: str) -> bool:
    """Whether fewer blocks may help: whatever is not known to mean something else."""
    start = message[:_READ_CHARACTERS]
    return says_range(start) or not (_NOT_THERE.search(start) or _NOT_NOW.search(start))


def says_rate(code: int, message: str) -> bool:
    """It asks for fewer questions a second."""
    if says_range(message):
        return False
    return code in (*_RATE_CODES, _LIMIT_CODE) or bool(_ABOUT_RATE.search(message[:_READ_CHARACTERS]))


def says_batch(message: str) -> bool:
    """It asks for fewer questions in one request."""
    return bool(_ABOUT_BATCH.search(message[:_READ_CHARACTERS]))


def says_not_there(message: str) -> bool:
    """It has not that block: not yet, not any more, or it never was on its chain."""
    return bool(_NOT_THERE.search(message[:_READ_CHARACTERS]))


def blocks(message: str) -> int | None:
    """How many blocks it would take at once."""
    start = message[:_READ_CHARACTERS]
    for pattern, base in ((_HEX_RANGE, 16), (_DECIMAL_RANGE, 10)):
        if found := pattern.search(start):
            width = int(found[2], base) - int(found[1], base) + 1
            return width if width > 0 else None
    if not says_range(start) or not (found := _MOST_BLOCKS.search(start)):
        return None
    number = int(re.sub(r"\D", "", found["number"])) * (1000 if found["thousands"] else 1)
    return number or None


def wait_seconds(retry_after: str | None, message: str = "") -> float | None:
    """How long it wants to be left alone: by its `Retry-After` (RFC 9110, 10.2.3), or by its words."""
    if retry_after is not None:
        if retry_after.strip().isdecimal():
            return float(retry_after)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
        except ValueError:
            pass
    found = _WAIT.search(message[:_READ_CHARACTERS])
    return float(found[1]) * _UNIT_SECONDS[(found[2] or "s").lower()] if found else None
