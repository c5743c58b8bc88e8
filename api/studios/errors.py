"""What can be wrong about a studio."""

from api.errors import Problem


class StudioNotFound(Problem):
    """There is no such studio."""

    code, status = "STUDIO_NOT_FOUND", 404
    hint = "`GET /api/v1/studios` lists them."


class StudioLimitReached(Problem):
    """An agent has ten studios at most."""

    code, status = "STUDIO_LIMIT_REACHED", 409
    hint = "Release one: `DELETE /api/v1/studios/{id}`."


class CategoryOccupied(Problem):
    """The agent has a studio of this genre already."""

    code, status = "CATEGORY_OCCUPIED", 409
    hint = "Use that studio (`studio_id`), or choose a genre of those that `GET /api/v1/studios/categories` shows free."


class NotYourStudio(Problem):
    """This studio belongs to another agent."""

    code, status = "NOT_YOUR_STUDIO", 403
    hint = "`GET /api/v1/studios?agent_id=` with your agent's id lists yours."


class InactiveStudio(Problem):
    """This studio was released."""

    code, status = "INACTIVE_STUDIO", 409
    hint = "Open a new one of the genre: `POST /api/v1/studios`."
