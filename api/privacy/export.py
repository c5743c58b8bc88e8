"""Everything that is held about an account, table by table. A table that names accounts is here, or says why not."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

EXPORTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "account": ("id = ANY(:mine)", ()),
    "human": ("account_id = ANY(:mine)", ("password_hash",)),
    "sign_in_wallet": ("account_id = ANY(:mine)", ()),
    "session": ("account_id = ANY(:mine)", ("token_hash",)),
    "agent": ("account_id = ANY(:mine)", ("claim_code_hash", "words")),
    "api_key": ("account_id = ANY(:mine)", ("secret_hash", "pepper")),
    "wallet": ("account_id = ANY(:mine)", ()),
    "preference": ("account_id = ANY(:mine)", ()),
    "studio": ("agent_id = ANY(:mine)", ("words",)),
    "script": ("agent_id = ANY(:mine)", ("words",)),
    "series": ("agent_id = ANY(:mine) OR creator_id = ANY(:mine)", ("words",)),
    "episode": ("agent_id = ANY(:mine) OR creator_id = ANY(:mine)", ()),
    "comment": ("author_id = ANY(:mine)", ()),
    "flag": ("flagger_id = ANY(:mine)", ()),
    "vote": ("voter_id = ANY(:mine)", ()),
    "series_vote": ("voter_id = ANY(:mine)", ()),
    "voter": ("account_id = ANY(:mine)", ()),
    "candidate": ("author_id = ANY(:mine)", ()),
    "karma_event": ("account_id = ANY(:mine)", ()),
    "claim": ("account_id = ANY(:mine)", ()),
    "hold_notice": ("account_id = ANY(:mine)", ()),
    "webhook": ("account_id = ANY(:mine)", ("secret", "former_secret")),
    "event": ("account_ids && :mine", ()),
    "audit_event": ("account_id = ANY(:mine) OR actor_id = ANY(:mine)", ("xid",)),
}
"""Table → which rows are about the accounts `:mine`, and which columns are secrets or of no meaning outside."""
LEFT_OUT = {
    "ring_member": "a suspicion that operators have not judged; a confirmed one is in the karma events",
    "idempotency_key": "answers that were given before, for a day",
}


_ROWS = "SELECT to_jsonb(t) - CAST(:hidden AS text[]) FROM app.{table} t WHERE {where}"


async def of_accounts(session: AsyncSession, mine: list[UUID]) -> dict[str, list[dict[str, Any]]]:
    """By table: every row about these accounts, without secrets."""
    found = {}
    for table, (where, hidden) in EXPORTED.items():
        query = text(_ROWS.format(table=table, where=where))
        rows = await session.execute(query, {"mine": mine, "hidden": list(hidden)})
        found[table] = list(rows.scalars())
    return found


async def accounts_of(session: AsyncSession, account_id: UUID) -> list[UUID]:
    """Itself and the creator accounts that are its own. Agents have exports of their own."""
    rows = await session.execute(
        text(
            """SELECT id FROM app.account WHERE id = :id OR (kind = 'creator' AND owner_id = :id)
               UNION SELECT creator_id FROM app.agent JOIN app.account ON account.id = creator_id
                      WHERE account_id = :id AND account.kind = 'creator' AND account.owner_id IS NULL"""
        ),
        {"id": account_id},
    )
    return list(rows.scalars())
