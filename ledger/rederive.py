"""Proves the rollups equal to what they are of: everything derived anew from the facts, and compared."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from ledger import rollups
from ledger.models import day_rollup, open_bucket, tip_rollup
from ledger.record import Connection

_SHOWN_DIFFERENCES = 100


@dataclass(frozen=True)
class Difference:
    """A row of a rollup that is not what the facts up to the watermark say."""

    table: str
    stored: dict[str, Any] | None
    derived: dict[str, Any] | None


async def differences(connection: Connection, chain_id: int) -> list[Difference]:
    """Derives every rollup anew from the facts and compares, by one query in one snapshot; at most 100 are named."""
    found = await connection.execute(_DIFFERENCES, {"chain_id": chain_id, "limit": _SHOWN_DIFFERENCES})
    return [Difference(*row) for row in await found.fetchall()]


def _compared(table: Table, derived: str) -> str:
    """Rows of one rollup that are not what `derived` selects, in the order of its columns."""
    columns = ", ".join(column.name for column in table.columns)
    key = ", ".join(column.name for column in table.primary_key)
    return f"""
SELECT '{table.name}', to_jsonb(stored), to_jsonb(derived)
  FROM (SELECT {columns} FROM {table} WHERE chain_id = %(chain_id)s) stored
  FULL JOIN ({derived}) derived ({columns}) USING ({key})
 WHERE stored IS DISTINCT FROM derived"""  # noqa: S608 - constants only


_DIFFERENCES = f"""
WITH watermark AS (SELECT coalesce(({rollups.WATERMARK}), -1) AS number),
     slice AS ({rollups.TIPS_OF_BLOCKS}), moved AS ({rollups.MOVED})
SELECT * FROM (
{_compared(tip_rollup, f"SELECT {rollups.TIP_COLUMNS} FROM slice")}
UNION ALL {_compared(day_rollup, rollups.DAYS)}
UNION ALL {_compared(open_bucket, "SELECT * FROM moved WHERE amount <> 0")}
) different LIMIT %(limit)s"""  # noqa: S608 - constants only
_DIFFERENCES = _DIFFERENCES.replace("%(after)s", "-1").replace("%(until)s", "(SELECT number FROM watermark)")
