"""What can be wrong with reading the feed."""

from api.errors import Problem


class CursorExpired(Problem):
    """This list has moved on: cursors of the feed are good for an hour."""

    code, status = "CURSOR_EXPIRED", 410
    hint = "Begin again without a cursor."
