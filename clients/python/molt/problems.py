"""What can go wrong, one class per thing a caller can act on. A problem+json (RFC 9457) keeps its code and hint."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """What `molt` exits with, so that a script can tell the cases apart."""

    OK = 0
    UNEXPECTED = 1  # a bug, ours or the platform's
    USAGE = 2  # the command line was wrong (typer's own code)
    UNREACHABLE = 3  # no answer from the API or the chain
    NOT_AUTHENTICATED = 4  # no, wrong, expired or insufficient credentials
    NOT_FOUND = 5
    REFUSED = 6  # the platform or the contract said no, and nothing changed
    RATE_LIMITED = 7
    INSUFFICIENT_FUNDS = 8  # not enough USDC, allowance or gas
    MISMATCH = 9  # a check did not hold: doctor, demo
    PENDING = 10  # sent, outcome not known yet: ask again, do not pay again


class MoltError(Exception):
    """Anything that this package raises on purpose.

    `hint` says what to do about it, when there is something to do.
    """

    exit_code = ExitCode.UNEXPECTED
    code = "UNEXPECTED"

    def __init__(self, detail: str, *, hint: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "detail": self.detail, "hint": self.hint}


class Unreachable(MoltError):
    """Nobody answered."""

    exit_code = ExitCode.UNREACHABLE
    code = "UNREACHABLE"


class BadSetting(MoltError):
    """A file, key or environment variable on this machine is missing or wrong."""

    exit_code = ExitCode.USAGE
    code = "BAD_SETTING"


class NoCredentials(MoltError):
    """This needs a login, an API key or an operator token that this machine does not have."""

    exit_code = ExitCode.NOT_AUTHENTICATED
    code = "NO_CREDENTIALS"


class UntrustedQuote(MoltError):
    """The server asked for a signature over something other than what the caller meant to pay."""

    exit_code = ExitCode.REFUSED
    code = "UNTRUSTED_QUOTE"


class ChainRefused(MoltError):
    """The transaction would revert, or did: nothing moved but gas."""

    exit_code = ExitCode.REFUSED
    code = "CHAIN_REFUSED"

    def __init__(self, detail: str, *, hint: str | None = None, error_name: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.error_name = error_name

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {"error_name": self.error_name}


class InsufficientFunds(MoltError):
    """The wallet has too little USDC, or too little ETH for gas."""

    exit_code = ExitCode.INSUFFICIENT_FUNDS
    code = "INSUFFICIENT_FUNDS"


class OutcomeUnknown(MoltError):
    """It was sent, and what became of it is not known yet. Asking again is safe; paying again is not."""

    exit_code = ExitCode.PENDING
    code = "OUTCOME_UNKNOWN"


class Mismatch(MoltError):
    """Two sources that must agree do not."""

    exit_code = ExitCode.MISMATCH
    code = "MISMATCH"


@dataclass(frozen=True)
class FieldError:
    """One wrong field of a request: where (a JSON pointer), a stable code, and a sentence."""

    pointer: str
    code: str
    detail: str


class ApiProblem(MoltError):
    """The API's problem+json answer. `code` is stable: branch on it, not on the sentence."""

    exit_code = ExitCode.REFUSED

    def __init__(self, status: int, body: Mapping[str, Any], *, retry_after_seconds: float | None = None) -> None:
        self.status = status
        self.title = str(body.get("title") or f"HTTP {status}")
        super().__init__(str(body.get("detail") or self.title), hint=body.get("hint"))
        self.code = str(body.get("code") or f"HTTP_{status}")
        self.request_id: str | None = body.get("request_id")
        self.retry_after_seconds = retry_after_seconds
        self.body = dict(body)
        self.errors = [
            FieldError(str(e.get("pointer", "")), str(e.get("code", "")), str(e.get("detail", "")))
            for e in body.get("errors") or []
        ]

    def as_json(self) -> dict[str, Any]:
        return self.body | {"status": self.status, "code": self.code, "detail": self.detail, "hint": self.hint}


class NotAuthenticated(ApiProblem):
    """401 or 403: log in, or use another key."""

    exit_code = ExitCode.NOT_AUTHENTICATED


class NotFound(ApiProblem):
    """404: no such thing, or not yours to see."""

    exit_code = ExitCode.NOT_FOUND


class RateLimited(ApiProblem):
    """429: `retry_after_seconds` says when."""

    exit_code = ExitCode.RATE_LIMITED


class PaymentProblem(ApiProblem):
    """402, or a code that says the payer cannot pay."""

    exit_code = ExitCode.INSUFFICIENT_FUNDS


class ServerProblem(ApiProblem):
    """5xx, after the retries: the platform is not well."""

    exit_code = ExitCode.UNREACHABLE


_BY_STATUS: dict[int, type[ApiProblem]] = {
    401: NotAuthenticated,
    402: PaymentProblem,
    403: NotAuthenticated,
    404: NotFound,
    429: RateLimited,
}
_CANNOT_PAY = {"INSUFFICIENT_BALANCE", "INSUFFICIENT_ALLOWANCE", "INSUFFICIENT_FUNDS"}


def problem_from(status: int, body: Mapping[str, Any], *, retry_after_seconds: float | None = None) -> ApiProblem:
    """The exception for an error answer; unknown statuses and codes become the nearest general class."""
    kind = _BY_STATUS.get(status, ServerProblem if status >= 500 else ApiProblem)  # noqa: PLR2004  # HTTP's own line
    if body.get("code") in _CANNOT_PAY:
        kind = PaymentProblem
    return kind(status, body, retry_after_seconds=retry_after_seconds)
