"""Whatever a name resolves to, and whenever: no request of ours reaches an address that is not public."""

import ipaddress
import socket
from typing import Any

import pytest

from api.webhooks import outgoing
from tests.builders.receivers import a_receiver

LOCAL = [ipaddress.ip_network("127.0.0.0/8")]
HEADERS = {"webhook-id": "evt_1"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_nothing_arrives_however_this_machine_is_named(host: str) -> None:
    async with a_receiver() as receiver, outgoing.opened() as client:
        answer = await client.post(f"http://{host}:{receiver.port}/hook", b"{}", HEADERS)
        assert (answer.status, receiver.requests) == (None, 0)
        assert answer.error


async def test_a_name_that_resolves_to_another_address_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: public when somebody checks, private when the connection is made."""
    looked: list[str] = []
    before = socket.getaddrinfo

    def rebound(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host != "rebound.example":
            return before(host, port, *arguments, **options)
        looked.append(host)
        address = "93.184.216.34" if len(looked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    assert socket.getaddrinfo("rebound.example", 443)[0][4][0] == "93.184.216.34"
    async with a_receiver() as receiver, outgoing.opened() as client:
        answer = await client.post(f"http://rebound.example:{receiver.port}/", b"{}", HEADERS)
    assert (answer.status, answer.error, receiver.requests) == (None, "The host's address is not public.", 0)
    assert len(looked) == 2


async def test_one_private_address_among_public_ones_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    before = socket.getaddrinfo

    def mixed(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host != "mixed.example":
            return before(host, port, *arguments, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("127.0.0.1", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", mixed)
    async with a_receiver() as receiver, outgoing.opened() as client:
        answer = await client.post(f"http://mixed.example:{receiver.port}/", b"{}", HEADERS)
    assert (answer.status, answer.error, receiver.requests) == (None, "The host's address is not public.", 0)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with a_receiver() as receiver, a_receiver() as elsewhere, outgoing.opened(LOCAL) as client:
        receiver.answers = lambda _id, _body: status
        receiver.headers["Location"] = elsewhere.url
        answer = await client.post(receiver.url, b"{}", HEADERS)
        assert (answer.status, elsewhere.requests) == (status, 0)
        assert answer.error == f"The answer was {status}, not 2xx. Redirects are not followed."


async def test_an_opened_network_is_reached() -> None:
    async with a_receiver() as receiver, outgoing.opened(LOCAL) as client:
        assert (await client.post(receiver.url, b"{}", HEADERS)).status == 204


async def test_whoever_does_not_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with outgoing.opened(LOCAL) as client:
            answer = await client.post(f"http://127.0.0.1:{silent.getsockname()[1]}/", b"{}", HEADERS)
    assert answer.status is None
    assert answer.error is not None
    assert "no answer" in answer.error


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_receiver() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        async with outgoing.opened() as client:
            await client.post("http://127.0.0.1:1/", b"{}", HEADERS)
        assert proxy.requests == 0
