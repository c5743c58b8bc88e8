"""One HTTP exchange with the API, retried while that is safe; a problem comes back as an exception.

Retrying a write is safe because each carries an Idempotency-Key, kept over the retries: the API answers a replay with
the first answer.
"""

import random
import time
import uuid
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx

from molt.problems import MoltError, Unreachable, problem_from

ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 20.0
USER_AGENT = "molt-client/0.1.0"

_IDEMPOTENT_BY_KEY = {"POST", "PATCH", "PUT", "DELETE"}
_TRY_AGAIN = {429, 502, 503, 504}
_IN_FLIGHT = "IDEMPOTENCY_KEY_IN_FLIGHT"

Json = Any


class Http:
    """Talks to one platform. `headers` go with every request: whose it is."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        timeout_seconds: float = 30.0,
    ) -> None:
        self.url = normalised(url)
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=self.url,
            transport=transport,
            timeout=httpx.Timeout(timeout_seconds, connect=5.0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # who asks is said by headers, never remembered
            headers={"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})},
        )

    def close(self) -> None:
        self._http.close()

    def json(self, method: str, path: str, **options: Any) -> Json:
        """The answer's JSON, or `None` for an empty one. Raises `ApiProblem` or `Unreachable`."""
        return self.read(self.request(method, path, **options))

    def read(self, answer: httpx.Response) -> Json:
        """The JSON of an answer. Raises `Unreachable` when it is none: somebody else listens there."""
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise Unreachable(
                f"{self.url} answers, and not in JSON: it is no Molt platform", hint="name one with --url or MOLT_URL"
            ) from error

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        accept_statuses: frozenset[int] = frozenset(),
        attempts: int = ATTEMPTS,
    ) -> httpx.Response:
        """A successful answer, or one whose status is in `accept_statuses`. Raises `ApiProblem` or `Unreachable`."""
        all_headers = dict(headers or {})
        if method in _IDEMPOTENT_BY_KEY:
            all_headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        request = self._http.build_request(
            method,
            path,
            json=body,
            params={k: v for k, v in (params or {}).items() if v is not None},
            headers=all_headers,
        )
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                answer = self._http.send(request)
            except httpx.TransportError as error:
                if last:
                    raise self._unreachable(error) from error
                self._sleep(_pause(attempt))
                continue
            if answer.is_success or answer.status_code in accept_statuses:
                return answer
            wait = _retry_in(answer, attempt)
            if last or wait is None:
                raise _problem(answer)
            self._sleep(wait)
        raise AssertionError  # the loop returns or raises

    def _unreachable(self, error: httpx.TransportError) -> MoltError:
        return Unreachable(
            f"no answer from {self.url}: {error or type(error).__name__}",
            hint="start the platform with `make up`, or name another with --url or MOLT_URL; `molt doctor` tells more",
        )


def normalised(url: str) -> str:
    """`http://host:8000/` → `http://host:8000`, the key of stored credentials. Raises `Unreachable` for a non-URL."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unreachable(f"{url!r} is not the address of a platform", hint="write it like http://127.0.0.1:8000")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _retry_in(answer: httpx.Response, attempt: int) -> float | None:
    """Seconds until this is worth another try; `None` if it will not change, or not while a person waits."""
    in_flight = answer.status_code == httpx.codes.CONFLICT and _body(answer).get("code") == _IN_FLIGHT
    if answer.status_code not in _TRY_AGAIN and not in_flight:
        return None
    wait = _retry_after(answer)
    if wait is None:
        return _pause(attempt)
    return wait if wait <= LONGEST_WAIT_SECONDS else None


def _pause(attempt: int) -> float:
    return min(8.0, 0.2 * 2.0**attempt) * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.replace(".", "", 1).isdigit() else None


def _problem(answer: httpx.Response) -> MoltError:
    return problem_from(answer.status_code, _body(answer), retry_after_seconds=_retry_after(answer))


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
