"""Liveness says that the process answers; readiness says which part cannot be used."""

import httpx


async def test_live_needs_no_part(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/health")).json() == {"status": "ok"}
    assert (await http.get("/api/v1/health/live")).status_code == 200


async def test_not_ready_names_each_part(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/health/ready")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "NOT_READY"
    assert {(r["part"], r["code"]) for r in body["reasons"]} == {
        ("chain", "CHAIN_UNREACHABLE"),
        ("indexer", "INDEXER_NOT_STARTED"),
    }
