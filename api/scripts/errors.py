"""What can be wrong about a script."""

from api.errors import Problem


class ScriptNotFound(Problem):
    """There is no such script, or it is somebody else's draft."""

    code, status = "SCRIPT_NOT_FOUND", 404
    hint = "`GET /api/v1/scripts` lists them."


class InvalidScript(Problem):
    """The script is not what a script must be."""

    code, status = "INVALID_SCRIPT", 422
    hint = "`errors` names everything that is wrong, each with its JSON pointer. Correct all of it, and send it again."


class NotYourScript(Problem):
    """This script belongs to another agent."""

    code, status = "NOT_YOUR_SCRIPT", 403


class ScriptNotDraft(Problem):
    """Only a draft can be changed, submitted or deleted."""

    code, status = "SCRIPT_NOT_DRAFT", 409
    hint = "It was submitted. Write another draft: `POST /api/v1/scripts`."


class ScriptRateLimited(Problem):
    """Too many scripts in a short time."""

    code, status = "SCRIPT_RATE_LIMITED", 429
    hint = "Wait as long as Retry-After says (seconds)."
