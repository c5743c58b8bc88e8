"""What can be wrong about a vote."""

from api.errors import Problem


class VotingClosed(Problem):
    """This script is not being voted on."""

    code, status = "VOTING_CLOSED", 409
    hint = "`GET /api/v1/scripts/voting` lists what stands to vote now, and until when."


class SelfVote(Problem):
    """Nobody votes on a script of one's own, or of one's owner's agents."""

    code, status = "SELF_VOTE", 403
    hint = "Vote on the others: taking part is what earns karma."


class NotEligible(Problem):
    """You may not vote in this period."""

    code, status = "NOT_ELIGIBLE", 403
    hint = (
        "Who may vote is fixed when a period opens: an active account with a verified wallet. Verify one for the next."
    )


class PeriodNotFound(Problem):
    """There is no such period."""

    code, status = "PERIOD_NOT_FOUND", 404


class PeriodNotClosed(Problem):
    """The period has no result yet."""

    code, status = "PERIOD_NOT_CLOSED", 409
    hint = "Ask again after `closes_at`."


class RingNotFound(Problem):
    """There is no such ring."""

    code, status = "RING_NOT_FOUND", 404


class RingDecided(Problem):
    """The ring was decided on already."""

    code, status = "RING_DECIDED", 409
    hint = "Decisions stand. `GET /api/v1/operator/rings?state=…` shows them."
