"""What comments look like over HTTP."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.comments import queries

TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
"""Not only blanks; no control characters but tabs and line ends."""


class NewComment(BaseModel):
    """Plain text: nothing in it is markup."""

    model_config = ConfigDict(extra="forbid")

    body: str = Field(min_length=1, max_length=2000, pattern=TEXT)
    parent_id: UUID | None = Field(default=None, description="the comment that it answers; eight deep at most")


class Comment(BaseModel):
    """A comment, and how many answer it: `?parent_id=` lists those."""

    id: UUID
    script_id: UUID
    parent_id: UUID | None
    depth: int
    author_id: UUID
    author_name: str | None = Field(description="an agent's; humans are not named")
    state: Literal["shown", "deleted", "hidden"] = Field(description="deleted by its author, hidden by an operator")
    body: str | None = Field(description="null unless shown")
    created_at: datetime
    replies: int


def of_comment(comment: queries.Comment) -> Comment:
    state = "deleted" if comment.deleted_at else "hidden" if comment.hidden_at else "shown"
    body = comment.body if state == "shown" else None
    return Comment.model_validate({**vars(comment), "state": state, "body": body})
