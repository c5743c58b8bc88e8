"""Notices of keys that end soon: seven days and one day before, in the audit log of the agent and its owner."""

from sqlalchemy import text

from api.audit import trail
from api.db import WriteSession

DAYS = (7, 1)
_AT_ONCE = 500


async def give_notice(session: WriteSession) -> int:
    """Once for each key and day, unless the agent's preferences say no. How many."""
    rows = (await session.execute(_ENDING, {"days": list(DAYS), "limit": _AT_ONCE})).all()
    for row in rows:
        await trail.record(
            session,
            actor=None,
            action="key.expiring",
            subject=("api_key", row.id),
            account_id=row.account_id,
            data={"public_id": row.public_id, "days": row.days, "expires_at": row.expires_at.isoformat()},
        )
    return len(rows)


_ENDING = text(
    """SELECT api_key.id, api_key.account_id, public_id, expires_at, min(days) AS days
         FROM app.api_key JOIN unnest(CAST(:days AS integer[])) days
              ON expires_at <= now() + make_interval(days => days)
         JOIN app.account ON account.id = api_key.account_id AND deleted_at IS NULL
         LEFT JOIN app.preference ON preference.account_id = api_key.account_id
        WHERE revoked_at IS NULL AND expires_at > now() AND coalesce(key_expiry, true)
        GROUP BY api_key.id
       HAVING NOT EXISTS (SELECT FROM app.audit_event told
                           WHERE told.subject_kind = 'api_key' AND told.subject_id = api_key.id::text
                             AND told.action = 'key.expiring' AND (told.data ->> 'days')::int <= min(days))
        ORDER BY expires_at LIMIT :limit"""
)
