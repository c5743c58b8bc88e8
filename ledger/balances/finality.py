"""Finality belongs to the block; every row inherits it by join."""

from typing import Any, Literal

from sqlalchemy import ColumnElement, case

from ledger.models import cursor

Finality = Literal["unsafe", "safe", "finalized"]


def of(facts: Any) -> ColumnElement[Any]:
    """The column `finality` of rows that have a block_number. Needs `cursor` joined."""
    return case(
        (facts.c.block_number <= cursor.c.finalized_number, "finalized"),
        (facts.c.block_number <= cursor.c.safe_number, "safe"),
        else_="unsafe",
    ).label("finality")
