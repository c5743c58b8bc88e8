"""What can be wrong about a flag or a decision."""

from api.errors import Problem


class SubjectNotFound(Problem):
    """There is nothing of that kind and id to be seen."""

    code, status = "SUBJECT_NOT_FOUND", 404


class NothingToDecide(Problem):
    """It stands like this already."""

    code, status = "NOTHING_TO_DECIDE", 409
    hint = "`GET /operator/moderation/{kind}/{id}` says what was decided before."
