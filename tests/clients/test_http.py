"""Retries, idempotency keys and problems, at the edge of the network."""

import json
from collections.abc import Callable

import httpx
import pytest

from molt import problems
from molt.http import Http, normalised

Handler = Callable[[httpx.Request], httpx.Response]


def talking_to(*answers: httpx.Response | Exception) -> tuple[Http, list[httpx.Request], list[float]]:
    """An `Http` whose server gives these answers in turn; the requests that it saw; the waits between them."""
    seen: list[httpx.Request] = []
    waits: list[float] = []
    turn = iter(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = next(turn)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Http("http://platform", transport=httpx.MockTransport(handle), sleep=waits.append), seen, waits


def problem(status: int, code: str, **more: object) -> httpx.Response:
    headers = {"content-type": "application/problem+json"}
    return httpx.Response(status, headers=headers, content=json.dumps({"status": status, "code": code, **more}))


def test_a_write_is_retried_with_the_same_idempotency_key() -> None:
    http, seen, waits = talking_to(
        httpx.ConnectError("refused"), problem(503, "NOT_READY"), httpx.Response(201, json={"id": "1"})
    )
    assert http.json("POST", "/api/v1/studios", body={"a": 1}) == {"id": "1"}
    keys = {request.headers["Idempotency-Key"] for request in seen}
    assert len(seen) == 3
    assert len(keys) == 1
    assert len(waits) == 2


def test_two_writes_have_two_keys_and_reads_have_none() -> None:
    http, seen, _ = talking_to(*(httpx.Response(200, json={}) for _ in range(3)))
    http.json("POST", "/a")
    http.json("POST", "/a")
    http.json("GET", "/a")
    assert seen[0].headers["Idempotency-Key"] != seen[1].headers["Idempotency-Key"]
    assert "Idempotency-Key" not in seen[2].headers


def test_the_callers_own_key_is_used() -> None:
    http, seen, _ = talking_to(httpx.Response(200, json={}))
    http.json("POST", "/a", idempotency_key="mine")
    assert seen[0].headers["Idempotency-Key"] == "mine"


def test_retry_after_is_obeyed() -> None:
    limited = httpx.Response(429, headers={"Retry-After": "3"}, json={"code": "RATE_LIMITED"})
    http, _, waits = talking_to(limited, httpx.Response(200, json={}))
    http.json("GET", "/a")
    assert waits == [3.0]


def test_a_wait_longer_than_a_person_has_is_handed_back() -> None:
    limited = httpx.Response(429, headers={"Retry-After": "300"}, json={"code": "SCRIPT_RATE_LIMITED"})
    http, seen, waits = talking_to(limited)
    with pytest.raises(problems.RateLimited) as caught:
        http.json("GET", "/a")
    assert caught.value.retry_after_seconds == 300
    assert (len(seen), waits) == (1, [])


def test_an_answer_that_will_not_change_is_not_retried() -> None:
    http, seen, _ = talking_to(problem(409, "CATEGORY_OCCUPIED", detail="You have one.", hint="Release it."))
    with pytest.raises(problems.ApiProblem) as caught:
        http.json("POST", "/api/v1/studios", body={})
    assert (caught.value.code, caught.value.detail, caught.value.hint) == (
        "CATEGORY_OCCUPIED",
        "You have one.",
        "Release it.",
    )
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind", "exit_code"),
    [
        (401, "NOT_AUTHENTICATED", problems.NotAuthenticated, 4),
        (403, "FORBIDDEN", problems.NotAuthenticated, 4),
        (404, "EPISODE_NOT_FOUND", problems.NotFound, 5),
        (422, "INVALID_SCRIPT", problems.ApiProblem, 6),
        (429, "RATE_LIMITED", problems.RateLimited, 7),
        (422, "INSUFFICIENT_BALANCE", problems.PaymentProblem, 8),
        (500, "INTERNAL", problems.ServerProblem, 3),
    ],
)
def test_each_kind_of_problem_has_its_class_and_exit_code(status: int, code: str, kind: type, exit_code: int) -> None:
    http, _, _ = talking_to(*(problem(status, code) for _ in range(5)))
    with pytest.raises(kind) as caught:
        http.json("GET", "/a")
    assert isinstance(caught.value, problems.MoltError)
    assert caught.value.exit_code == exit_code


def test_field_errors_are_kept() -> None:
    wrong = {"pointer": "/shots/0/prompt", "code": "missing", "detail": "Field required"}
    http, _, _ = talking_to(problem(422, "INVALID_SCRIPT", errors=[wrong]))
    with pytest.raises(problems.ApiProblem) as caught:
        http.json("POST", "/a")
    assert caught.value.errors == [problems.FieldError(**wrong)]


def test_an_error_page_that_is_no_problem_json_is_still_a_problem() -> None:
    http, _, _ = talking_to(*(httpx.Response(502, text="<html>bad gateway</html>") for _ in range(5)))
    with pytest.raises(problems.ServerProblem) as caught:
        http.json("GET", "/a")
    assert caught.value.code == "HTTP_502"


def test_nobody_there_says_where_and_what_to_do() -> None:
    http, seen, _ = talking_to(*(httpx.ConnectError("Connection refused") for _ in range(5)))
    with pytest.raises(problems.Unreachable) as caught:
        http.json("GET", "/a")
    assert "http://platform" in caught.value.detail
    assert "make up" in (caught.value.hint or "")
    assert len(seen) == 4


def test_somebody_elses_server_is_no_platform() -> None:
    http, _, _ = talking_to(httpx.Response(200, text="<html>hello</html>"))
    with pytest.raises(problems.Unreachable, match="no Molt platform"):
        http.json("GET", "/api/v1/health/live")


def test_a_session_cookie_is_not_kept() -> None:
    signed_in = httpx.Response(201, headers={"Set-Cookie": "molt_session=x; Path=/"}, json={})
    http, seen, _ = talking_to(signed_in, httpx.Response(200, json={}))
    http.json("POST", "/api/v1/auth/register")
    http.json("GET", "/api/v1/auth/me")
    assert "Cookie" not in seen[1].headers


def test_an_address_is_normalised() -> None:
    assert normalised("HTTP://Host:8000/") == "http://host:8000"
    assert normalised("127.0.0.1:8000") == "http://127.0.0.1:8000"
    with pytest.raises(problems.MoltError):
        normalised("ftp://x")
