"""What can be wrong about a series or an episode."""

from api.errors import Problem


class SeriesNotFound(Problem):
    """There is no such series."""

    code, status = "SERIES_NOT_FOUND", 404
    hint = "`GET /api/v1/series` lists them."


class EpisodeNotFound(Problem):
    """There is no such episode."""

    code, status = "EPISODE_NOT_FOUND", 404
    hint = "`GET /api/v1/series/{id}/episodes` lists the five of a series, each with its id."


class ScriptNotPublishable(Problem):
    """Only a submitted script can become a series."""

    code, status = "SCRIPT_NOT_PUBLISHABLE", 409
    hint = "Its agent submits it first: `POST /api/v1/scripts/{id}/submit`."
