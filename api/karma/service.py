"""The only writer of karma."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text

from api.db import WriteSession
from api.karma.rules import Kind


@dataclass(frozen=True)
class Award:
    """Points for an account. `subject` is what they are for: each is given once."""

    account_id: UUID
    kind: Kind
    subject: str
    points: Decimal


async def award(session: WriteSession, awards: Sequence[Award], *, at: datetime) -> None:
    """Those that were given before stay as they are."""
    if not awards:
        return
    ordered = sorted(awards, key=lambda each: (each.account_id, each.kind, each.subject))
    await session.execute(
        _INSERT,
        {
            "accounts": [each.account_id for each in ordered],
            "kinds": [each.kind for each in ordered],
            "subjects": [each.subject for each in ordered],
            "points": [each.points for each in ordered],
            "at": at,
        },
    )


_INSERT = text(
    """INSERT INTO app.karma_event (account_id, kind, subject, points, at)
    SELECT *, :at FROM unnest(CAST(:accounts AS uuid[]), CAST(:kinds AS text[]), CAST(:subjects AS text[]),
                              CAST(:points AS numeric[]))
    ON CONFLICT (account_id, kind, subject) DO NOTHING"""
)
