"""Posts to addresses that strangers name.

Each connection is checked where its socket is made, by the address that it is then connected to: a name that resolves
to something else a moment later, or an address written in another way, gains nothing. Redirects are not followed, and
answers are not read.
"""

import errno
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from api.webhooks import rules
from api.webhooks.rules import Network

TIMEOUT_SECONDS = 15.0
_NOT_PUBLIC = "not a public address"
_OK, _REDIRECTS = range(200, 300), range(300, 400)


@dataclass(frozen=True)
class Answer:
    """What came of one attempt."""

    status: int | None
    """Null: there was no answer."""
    error: str | None
    """In a sentence; None when it was taken (2xx)."""

    @property
    def is_gone(self) -> bool:
        """The receiver wants no more (410)."""
        return self.status == HTTPStatus.GONE


class Outgoing:
    """An HTTP client for the webhooks of one process."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises nothing of the network's."""
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return _judged(response.status)
        except TimeoutError:
            return Answer(None, f"There was no answer within {TIMEOUT_SECONDS:.0f} s.")
        except aiohttp.ClientConnectorDNSError:
            return Answer(None, "The host has no address.")
        except aiohttp.ClientSSLError:
            return Answer(None, "The host's certificate is not valid for its name, or TLS failed.")
        except aiohttp.ClientConnectorError as error:
            refused = _NOT_PUBLIC in str(error)
            return Answer(None, "The host's address is not public." if refused else "The host took no connection.")
        except (aiohttp.ClientError, OSError, ValueError):
            return Answer(None, "The connection broke, or the answer was no HTTP.")


@asynccontextmanager
async def opened(networks: Sequence[Network] = ()) -> AsyncIterator[Outgoing]:
    """`networks`: private ones that may be reached all the same."""

    def make_socket(found: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = found
        if not rules.is_allowed(str(address[0]), networks):
            raise OSError(errno.EACCES, f"{address[0]} is {_NOT_PUBLIC}")
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(socket_factory=make_socket, use_dns_cache=False, limit_per_host=8)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        headers={"User-Agent": "MoltStudios-Webhooks/1"},
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield Outgoing(session)


def _judged(status: int) -> Answer:
    if status in _OK:
        return Answer(status, None)
    followed = " Redirects are not followed." if status in _REDIRECTS else ""
    return Answer(status, f"The answer was {status}, not 2xx.{followed}")
