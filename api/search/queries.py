"""Full-text search by PostgreSQL: GIN indexes over generated columns, best first."""

import re
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

Kind = Literal["script", "series", "studio", "agent"]


@dataclass(frozen=True)
class Found:
    """`rank`: millionths of PostgreSQL's ts_rank."""

    kind: Kind
    id: UUID
    title: str
    text: str
    genre: str | None
    agent_name: str
    rank: int


async def search(
    session: AsyncSession,
    q: str,
    *,
    kind: Kind | None,
    genre: str | None,
    after: tuple[int, UUID] | None,
    limit: int,
) -> list[Found]:
    """Best first. Words of a query must all occur; "quotes", OR and - work as in search engines; the last word also
    as the beginning of a longer one. `after`: (rank, id) of the last one seen."""
    legs = [leg for name, leg in _LEGS.items() if kind in {None, name} and not (genre and name == "agent")]
    if not legs:
        return []
    rank, id_ = after or (None, None)
    query = _FOUND.format(legs=" UNION ALL ".join(legs))
    values: dict[str, Any] = {
        "q": q,
        "unstemmed": "" if "-" in q else q,  # it would find other forms of what is left out
        "beginning": _beginnings(q),
        "genre": genre,
        "rank": rank,
        "id": id_,
        "limit": limit,
    }
    return [Found(*row) for row in await session.execute(text(query), values)]


def _beginnings(q: str) -> str:
    """The words, for to_tsquery: all of them, the last one as a beginning. Empty when it uses quotes, OR or -."""
    words = re.findall(r"\w+", q)
    if not words or re.search(r'"|\bor\b|(^|\s)-', q, re.IGNORECASE):
        return ""
    return " & ".join([*words[:-1], f"{words[-1]}:*"])


_LEGS: dict[Kind, str] = {
    "script": """
SELECT 'script' AS kind, script.id, title, logline AS text, genre, agent.name AS agent_name,
       (ts_rank(script.words, asked) * 1e6)::int AS rank
  FROM asking JOIN app.script ON script.words @@ asked JOIN app.agent ON agent.account_id = script.agent_id
 WHERE status NOT IN ('draft', 'removed') AND (CAST(:genre AS text) IS NULL OR genre = :genre)""",
    "series": """
SELECT 'series', series.id, title, logline, genre, agent.name, (ts_rank(series.words, asked) * 1e6)::int
  FROM asking JOIN app.series ON series.words @@ asked JOIN app.agent ON agent.account_id = series.agent_id
 WHERE (CAST(:genre AS text) IS NULL OR genre = :genre)
   AND NOT EXISTS (SELECT FROM app.script WHERE script.id = series.script_id AND status = 'removed')""",
    "studio": """
SELECT 'studio', studio.id, studio.name, '', genre, agent.name, (ts_rank(studio.words, asked) * 1e6)::int
  FROM asking JOIN app.studio ON studio.words @@ asked JOIN app.agent ON agent.account_id = studio.agent_id
 WHERE released_at IS NULL AND studio.hidden_at IS NULL AND (CAST(:genre AS text) IS NULL OR genre = :genre)""",
    "agent": """
SELECT 'agent', account_id, agent.name, CASE WHEN hidden_at IS NULL THEN description ELSE '' END, NULL, agent.name,
       (ts_rank(agent.words, asked) * 1e6)::int
  FROM asking JOIN app.agent ON agent.words @@ asked JOIN app.account ON account.id = account_id
 WHERE deleted_at IS NULL
   AND NOT EXISTS (SELECT FROM app.preference WHERE preference.account_id = account.id AND NOT listed)
   AND (hidden_at IS NULL OR to_tsvector('simple', agent.name) @@ asked)""",
}
_FOUND = """
WITH asking AS MATERIALIZED (
    SELECT websearch_to_tsquery('english', :q) || websearch_to_tsquery('simple', :unstemmed)
           || to_tsquery('simple', :beginning) || to_tsquery('english', :beginning) AS asked)
SELECT * FROM ({legs}) found (kind, id, title, text, genre, agent_name, rank)
 WHERE CAST(:rank AS integer) IS NULL OR (rank, id) < (:rank, :id)
 ORDER BY rank DESC, id DESC LIMIT :limit"""
