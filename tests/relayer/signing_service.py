"""A signing service as an operator would run one: real HTTP, real keys, and every way to misbehave."""

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from coincurve import PrivateKey
from coincurve.ecdsa import deserialize_recoverable, recoverable_convert, serialize_compact
from coincurve.utils import GROUP_ORDER_INT as ORDER
from Crypto.Util.asn1 import DerBitString, DerObjectId, DerSequence
from eth_account.signers.local import LocalAccount

TOKEN = "let me sign"


class SigningService:
    """Answers with the high `s` every second time."""

    def __init__(self, **accounts: LocalAccount) -> None:
        self.keys = {name: PrivateKey(bytes(account.key)) for name, account in accounts.items()}
        self.url = ""
        self.token: str | None = TOKEN
        self.signed: list[bytes] = []
        """Digests that were asked for, in order."""
        self.sign_with: str | None = None
        """Another key than the one that was asked for."""
        self.fails: Callable[[int], bool] = lambda _count: False
        """Whether the n-th question to sign ends in an HTTP 503."""
        self.late_seconds = 0.0
        self.holding = False
        """Signs and never says so."""
        self.reached = asyncio.Event()
        """Set when a signature is held back."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/kms"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line for line in head.split("\r\n") if line.lower().startswith("content-length")]
            question = json.loads(await reader.readexactly(int(lines[0].split(":")[1])))
            status, answer = await self._answer(head.split()[1], head, question)
            body = json.dumps(answer).encode()
            line = f"HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(line.encode() + body)
            await writer.drain()
        writer.close()

    async def _answer(self, path: str, head: str, question: dict[str, str]) -> tuple[int, dict[str, str]]:
        if self.token and f"authorization: bearer {self.token}" not in head.lower():
            return 401, {"error": "who are you?"}
        if question["key_id"] not in self.keys:
            return 404, {"error": "no such key"}
        if path == "/kms/public-key":
            return 200, {"public_key": base64.b64encode(spki(self.keys[question["key_id"]])).decode()}
        assert path == "/kms/sign"
        digest = base64.b64decode(question["digest"])
        self.signed.append(digest)
        count = len(self.signed)
        if self.fails(count):
            return 503, {"error": "throttled"}
        await asyncio.sleep(self.late_seconds)
        signing = self.keys[self.sign_with or question["key_id"]]
        signature = sign(signing, digest, high=count % 2 == 0)
        if self.holding:
            self.reached.set()
            await asyncio.sleep(3600)
        return 200, {"signature": base64.b64encode(signature).decode()}


def spki(key: PrivateKey, curve: str = "1.3.132.0.10") -> bytes:
    """The public key as AWS KMS and Google's return it."""
    algorithm = DerSequence([DerObjectId("1.2.840.10045.2.1"), DerObjectId(curve)])
    return DerSequence([algorithm, DerBitString(key.public_key.format(compressed=False))]).encode()


def sign(key: PrivateKey, digest: bytes, *, high: bool) -> bytes:
    recoverable = deserialize_recoverable(key.sign_recoverable(digest, hasher=None))
    compact = serialize_compact(recoverable_convert(recoverable))
    r, s = int.from_bytes(compact[:32], "big"), int.from_bytes(compact[32:], "big")
    return DerSequence([r, max(s, ORDER - s) if high else min(s, ORDER - s)]).encode()
