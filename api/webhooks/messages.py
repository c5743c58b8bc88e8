"""What is posted: a Standard Webhooks message, signed. The same event is the same bytes each time.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from standardwebhooks import Webhook

from api.pepper import Pepper

_SECRET_BYTES = 32
_PREFIX = "whsec_"
_PURPOSE = "webhook-secret"


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sealed(pepper: Pepper, webhook_id: UUID, secret: str) -> bytes:
    """As it is stored."""
    return pepper.seal(_PURPOSE, webhook_id.bytes, secret.encode())


@dataclass(frozen=True)
class Message:
    """`id` says which are repetitions of one another."""

    id: str
    body: bytes

    @classmethod
    def of(cls, event_id: int, kind: str, subject: str, at: datetime, data: dict[str, Any]) -> Self:
        return cls(f"evt_{event_id}", _encoded(kind, subject, at, data))

    @classmethod
    def test(cls, webhook_id: UUID) -> Self:
        return cls(f"test_{uuid4().hex}", _encoded("webhook.test", str(webhook_id), datetime.now(UTC), {}))

    def headers(self, pepper: Pepper, webhook_id: UUID, sealed_secrets: Iterable[bytes]) -> dict[str, str]:
        """With a signature by each secret, made now. Raises NotOurs when the pepper is another one by now."""
        now = datetime.now(UTC)
        opened = [pepper.unseal(_PURPOSE, webhook_id.bytes, each).decode() for each in sealed_secrets]
        return {
            "Content-Type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(Webhook(each).sign(self.id, now, self.body.decode()) for each in opened),
        }


def _encoded(kind: str, subject: str, at: datetime, data: dict[str, Any]) -> bytes:
    message = {"type": kind, "timestamp": at.astimezone(UTC).isoformat(), "subject": subject, "data": data}
    return json.dumps(message, separators=(",", ":")).encode()
