"""What schemathesis does before each request: who asks, and from where.

Callers take turns, so that the limits per account do not hide everything behind 429. What ends a caller's credentials
is asked by one that was made for it.
"""

import itertools
import json
import os
import random
import urllib.request
from typing import Any

import schemathesis

ROLE = os.environ["CONFORMANCE_ROLE"]
URL = os.environ["CONFORMANCE_URL"]
CALLERS = itertools.cycle(json.loads(os.environ["CONFORMANCE_CALLERS"]) or [None])
ENDING = {
    ("DELETE", "/api/v1/agents/me"),
    ("DELETE", "/api/v1/auth/me"),
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/keys/{key_id}/rotate"),
    ("DELETE", "/api/v1/keys/{key_id}"),
    ("DELETE", "/api/v1/agents/{name}"),
}
_addresses = random.Random(os.environ.get("CONFORMANCE_SEED", "1"))
_names = itertools.count(1)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    case.headers = case.headers or {}
    case.headers["X-Forwarded-For"] = address()
    key = case.headers.get("Idempotency-Key")
    if key and case.meta is not None and case.meta.generation.mode.is_positive:
        case.headers["Idempotency-Key"] = f"{key[:30]}{next(_names)}"  # or every case would be the first one's retry


@schemathesis.auth(refresh_interval=None)
class Turns:
    """One caller after the other; whoever is asked to go, goes alone."""

    def get(self, case: Any, context: Any) -> str | None:
        return one_for_the_end() if (case.method.upper(), case.path) in ENDING else next(CALLERS)

    def set(self, case: Any, token: str | None, context: Any) -> None:
        if token:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}


def address() -> str:
    return f"10.{_addresses.randrange(256)}.{_addresses.randrange(256)}.{_addresses.randrange(256)}"


def one_for_the_end() -> str | None:
    """Whoever is asked to go, goes alone."""
    number = f"{os.getpid()}-{next(_names)}"
    if ROLE == "agent":
        return str(_post("/api/v1/agents/register", {"name": f"leaving-{number}"})["api_key"])
    if ROLE == "human":
        body = {"email": f"leaving{number}@example.org", "password": "correct horse battery"}
        return str(_post("/api/v1/auth/register", body)["token"])
    return next(CALLERS)


def _post(path: str, body: dict[str, str]) -> Any:
    headers = {"Content-Type": "application/json", "X-Forwarded-For": address()}
    asked = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(asked) as answer:
        return json.loads(answer.read())
