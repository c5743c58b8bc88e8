"""Whatever goes wrong is problem+json with a stable code, and leaves nothing behind."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ledger import db
from tests.builders.accounts import problem

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors", "hint"}


def notes_kept(database_url: str) -> int:
    with db.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM app.audit_event WHERE action = 'note.kept'").fetchone()
    assert row is not None
    return int(row[0])


NOTES = "/api/v1/probe/notes"
JSON = {"Content-Type": "application/json"}


async def in_chunks() -> AsyncIterator[bytes]:
    """Two megabytes, without saying so before."""
    for _ in range(2000):
        yield b"x" * 1000


REFUSED = [
    ("GET", "/nowhere", {}, (404, "NOT_FOUND")),
    ("GET", "/api/v1/nowhere", {}, (404, "NOT_FOUND")),
    ("DELETE", "/api/v1/health", {}, (405, "METHOD_NOT_ALLOWED")),
    ("POST", NOTES, {"content": "{", "headers": JSON}, (400, "MALFORMED_REQUEST")),
    ("POST", NOTES, {"json": {"text": 5}}, (422, "INVALID_REQUEST")),
    ("POST", NOTES, {"json": {"text": "a\x00b"}}, (422, "INVALID_REQUEST")),
    ("POST", NOTES, {"content": "text"}, (422, "INVALID_REQUEST")),
    ("POST", NOTES, {"json": {"text": "x" * 2_000_000}}, (413, "REQUEST_TOO_LARGE")),
    ("POST", NOTES, {"content": in_chunks, "headers": JSON}, (413, "REQUEST_TOO_LARGE")),
    ("POST", NOTES, {"json": {"text": ""}}, (409, "NOTE_TOO_SHORT")),
    ("POST", NOTES, {"json": {"text": "broken"}}, (500, "UNEXPECTED")),
    ("POST", NOTES, {"json": {"text": "no chain"}}, (503, "CHAIN_UNAVAILABLE")),
    ("PATCH", "/api/v1/probe/notes/7", {}, (422, "INVALID_REQUEST")),
    ("GET", "/api/v1/auth/me", {}, (401, "NOT_AUTHENTICATED")),
    ("GET", "/api/v1/auth/me", {"headers": {"Authorization": "Basic eDp5"}}, (401, "INVALID_CREDENTIALS")),
    ("GET", "/api/v1/probe/operator", {"headers": {"Authorization": "Bearer x"}}, (401, "INVALID_CREDENTIALS")),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "options", "expected"), REFUSED)
async def test_every_refusal_is_a_problem_and_changes_nothing(  # noqa: PLR0917 - one row of the table
    http: httpx.AsyncClient,
    database_url: str,
    method: str,
    path: str,
    options: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    sent = {name: value() if callable(value) else value for name, value in options.items()}
    answer = await http.request(method, path, **sent)
    assert problem(answer) == expected
    body = answer.json()
    assert set(body) >= MEMBERS
    assert body["instance"] == path
    assert body["type"].endswith(f"/api/v1/problems/{expected[1]}")
    assert notes_kept(database_url) == 0


async def test_field_errors_have_pointers(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/v1/probe/notes", json={"text": "x" * 21, "colour": "red"})
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [
        ("/text", "TOO_LONG"),
        ("/colour", "UNKNOWN_FIELD"),
    ]
    answer = await http.get("/api/v1/probe/notes", params={"limit": 0})
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/limit", "OUT_OF_RANGE")]


async def test_what_broke_is_logged_and_not_told(http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = await http.post("/api/v1/probe/notes", json={"text": "broken"})
    assert "moltmotionpictures_" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.json()["request_id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "ABCDEFGHsecret" not in caplog.text


async def test_401_names_the_scheme_and_405_the_methods(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/auth/me")).headers["www-authenticate"].startswith("Bearer")
    assert "GET" in (await http.delete("/api/v1/health")).headers["allow"]


async def test_request_id_is_ours_or_the_callers(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/health", headers={"X-Request-ID": "trace-12345"})).headers[
        "x-request-id"
    ] == "trace-12345"
    strange = await http.get("/api/v1/health", headers={"X-Request-ID": "a b\tc"})
    assert len(strange.headers["x-request-id"]) == 36


async def test_each_code_has_a_page(http: httpx.AsyncClient) -> None:
    listed = (await http.get("/api/v1/problems")).json()["data"]
    codes = [each["code"] for each in listed]
    assert codes == sorted(codes)
    assert {"RATE_LIMITED", "CHALLENGE_EXPIRED", "API_KEY_REVOKED", "IDEMPOTENCY_KEY_REUSED"} <= set(codes)
    one = (await http.get("/api/v1/problems/RATE_LIMITED")).json()
    assert (one["status"], one["title"]) == (429, "Too many requests.")


async def test_operator_by_token_only(http: httpx.AsyncClient) -> None:
    from tests.api.conftest import OPERATOR_TOKEN

    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    assert (await http.get("/api/v1/probe/operator", headers=headers)).status_code == 200
    assert problem(await http.get("/api/v1/probe/operator")) == (401, "NOT_AUTHENTICATED")


async def test_get_cannot_write(http: httpx.AsyncClient) -> None:
    assert problem(await http.get("/api/v1/probe/write")) == (500, "UNEXPECTED")


async def test_any_page_may_read_the_payment_headers_and_none_sends_cookies(http: httpx.AsyncClient) -> None:
    preflight = await http.options(
        "/api/v1/tips/authorizations",
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "PAYMENT-SIGNATURE, X-PAYMENT, Idempotency-Key, Authorization",
        },
    )
    assert preflight.status_code == 200
    assert "payment-signature" in preflight.headers["access-control-allow-headers"].lower()
    for path, body in (("/api/v1/nowhere", {}), (NOTES, {"text": "broken"}), (NOTES, {"text": "x" * 2_000_000})):
        answer = await http.post(path, json=body, headers={"Origin": "https://app.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
    assert "PAYMENT-REQUIRED" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_method_that_is_not_taken_is_told_all_that_are(http: httpx.AsyncClient) -> None:
    for method, path, allowed in (
        ("OPTIONS", "/api/v1/agents/me", "DELETE, GET, PATCH"),
        ("PATCH", "/api/v1/scripts/voting", "GET"),
        ("DELETE", "/api/v1/keys/recovery", "POST"),
    ):
        answer = await http.request(method, path)
        assert problem(answer) == (405, "METHOD_NOT_ALLOWED")
        assert answer.headers["Allow"] == allowed
