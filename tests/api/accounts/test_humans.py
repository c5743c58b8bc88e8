"""Humans register, log in and out; their sessions are theirs alone."""

import httpx
import pytest

from tests.api.conftest import OpenClient
from tests.builders.accounts import PASSWORD, a_human, a_wallet, an_agent, personal_sign, problem


async def test_registering_signs_in(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/v1/auth/register", json={"email": "Ada@example.org", "password": PASSWORD})
    assert answer.status_code == 201
    body = answer.json()
    assert body["token"].startswith("moltsession_")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    me = (await http.get("/api/v1/auth/me")).json()  # by cookie
    assert (me["kind"], me["id"], me["email"]) == ("human", body["account"]["id"], "Ada@example.org")


async def test_email_is_taken_whatever_its_case(http: httpx.AsyncClient) -> None:
    await a_human(http, email="ada@example.org")
    answer = await http.post("/api/v1/auth/register", json={"email": "ADA@example.org", "password": PASSWORD})
    assert problem(answer) == (409, "EMAIL_TAKEN")


@pytest.mark.parametrize(("email", "password"), [("ada@example.org", "wrong password"), ("bob@example.org", PASSWORD)])
async def test_wrong_credentials_look_the_same(http: httpx.AsyncClient, email: str, password: str) -> None:
    await a_human(http, email="ada@example.org")
    answer = await http.post("/api/v1/auth/login", json={"email": email, "password": password})
    assert problem(answer) == (401, "WRONG_CREDENTIALS")


async def test_log_out_ends_the_session_on_every_replica(open_client: OpenClient) -> None:
    async with open_client() as one, open_client() as two:
        human = await a_human(one)
        assert (await two.get("/api/v1/auth/me", headers=human.headers)).status_code == 200
        assert (await one.post("/api/v1/auth/logout", headers=human.headers)).status_code == 204
        answer = await two.get("/api/v1/auth/me", headers=human.headers)
        assert problem(answer) == (401, "INVALID_CREDENTIALS")


async def test_logging_in_again_gives_another_session(http: httpx.AsyncClient) -> None:
    human = await a_human(http, email="ada@example.org")
    answer = await http.post("/api/v1/auth/login", json={"email": "Ada@Example.org", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["account"]["id"] == human.id
    assert answer.json()["token"] != human.token


async def test_an_old_cookie_does_not_keep_anybody_out(http: httpx.AsyncClient) -> None:
    await a_human(http, email="ada@example.org")
    http.cookies.set("molt_session", "moltsession_gone")
    answer = await http.post("/api/v1/auth/login", json={"email": "ada@example.org", "password": PASSWORD})
    assert answer.status_code == 200


async def test_another_sites_page_cannot_act_by_cookie(http: httpx.AsyncClient) -> None:
    await http.post("/api/v1/auth/register", json={"email": "ada@example.org", "password": PASSWORD})
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = await http.post("/api/v1/auth/logout", headers=headers)
        assert problem(answer) == (403, "CROSS_SITE_REQUEST")
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert (await http.post("/api/v1/auth/logout", headers=own)).status_code == 204


async def test_passwords_and_tokens_are_not_stored(http: httpx.AsyncClient, database_url: str) -> None:
    from ledger import db

    human = await a_human(http)
    with db.connect(database_url) as connection:
        stored = str(connection.execute("SELECT password_hash FROM app.human").fetchall())
        stored += str(connection.execute("SELECT token_hash FROM app.session").fetchall())
    assert "$argon2id$" in stored
    assert human.token not in stored
    assert PASSWORD not in stored


async def test_wallet_opens_one_account_and_always_the_same(http: httpx.AsyncClient) -> None:
    wallet = a_wallet()
    ids = []
    for _ in range(2):
        challenge = (await http.get("/api/v1/auth/wallet/challenge", params={"address": wallet.address})).json()
        proof = {"message": challenge["message"], "signature": personal_sign(wallet, challenge["message"])}
        answer = await http.post("/api/v1/auth/wallet/verify", json=proof)
        assert answer.status_code == 200, answer.text
        http.cookies.clear()
        ids.append(answer.json()["account"]["id"])
        assert answer.json()["account"]["sign_in_wallets"] == [wallet.address]
    assert ids[0] == ids[1]


async def test_human_adds_a_wallet_and_signs_in_by_it(http: httpx.AsyncClient) -> None:
    wallet, human = a_wallet(), await a_human(http)
    message = (await http.get("/api/v1/auth/wallet/challenge", params={"address": wallet.address})).json()["message"]
    proof = {"message": message, "signature": personal_sign(wallet, message)}
    answer = await http.post("/api/v1/auth/wallet/verify", json=proof, headers=human.headers)
    assert answer.json()["account"]["id"] == human.id
    http.cookies.clear()
    other = await a_human(http)
    message = (await http.get("/api/v1/auth/wallet/challenge", params={"address": wallet.address})).json()["message"]
    proof = {"message": message, "signature": personal_sign(wallet, message)}
    answer = await http.post("/api/v1/auth/wallet/verify", json=proof, headers=other.headers)
    assert problem(answer) == (409, "WALLET_OPENS_ANOTHER_ACCOUNT")


async def test_challenge_works_once(http: httpx.AsyncClient) -> None:
    wallet = a_wallet()
    message = (await http.get("/api/v1/auth/wallet/challenge", params={"address": wallet.address})).json()["message"]
    proof = {"message": message, "signature": personal_sign(wallet, message)}
    assert (await http.post("/api/v1/auth/wallet/verify", json=proof)).status_code == 200
    http.cookies.clear()
    assert problem(await http.post("/api/v1/auth/wallet/verify", json=proof)) == (409, "CHALLENGE_USED")


async def test_altered_message_is_not_ours(http: httpx.AsyncClient) -> None:
    wallet = a_wallet()
    message = (await http.get("/api/v1/auth/wallet/challenge", params={"address": wallet.address})).json()["message"]
    for altered in (
        message.replace("moves no money", "moves all money"),
        message.replace(wallet.address, a_wallet().address),
        message + " ",
        "hello",
    ):
        proof = {"message": altered, "signature": personal_sign(wallet, altered)}
        assert problem(await http.post("/api/v1/auth/wallet/verify", json=proof)) == (422, "CHALLENGE_INVALID")


async def test_expired_challenge_is_refused(http: httpx.AsyncClient) -> None:
    from datetime import UTC, datetime, timedelta

    from api.accounts.humans import siwe

    wallet, held = a_wallet(), http.app.state.resources  # type: ignore[attr-defined]
    old = siwe.challenge(held.pepper, bytes.fromhex(wallet.address[2:]), now=datetime.now(UTC) - timedelta(minutes=6))
    message = old.message(url=held.settings.url, chain_id=held.chain_id)
    proof = {"message": message, "signature": personal_sign(wallet, message)}
    assert problem(await http.post("/api/v1/auth/wallet/verify", json=proof)) == (422, "CHALLENGE_EXPIRED")


async def test_agents_key_does_not_log_out(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    assert problem(await http.post("/api/v1/auth/logout", headers=agent.headers)) == (403, "FORBIDDEN")
