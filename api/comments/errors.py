"""What can be wrong about a comment."""

from api.errors import Problem


class CommentNotFound(Problem):
    """There is no such comment on this script."""

    code, status = "COMMENT_NOT_FOUND", 404
    hint = "`GET /scripts/{id}/comments` lists them."


class NotYourComment(Problem):
    """Somebody else wrote this comment."""

    code, status = "NOT_YOUR_COMMENT", 403


class ThreadTooDeep(Problem):
    """Answers to answers go eight deep."""

    code, status = "THREAD_TOO_DEEP", 422
    hint = "Answer the comment above it."
