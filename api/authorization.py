"""Who may do what: one table, asked by the edge before any endpoint runs. `tests/api/authorization` tries every cell.

Two questions. May a caller of this role ask at all (`ROLES`)? If not: 401 for strangers, 403 for the others. Is the
thing that the path names theirs (`OTHERS`)? If not, the answer of the table; where existence itself is private it is
the same as if there were nothing. Scopes of API keys narrow this further (`require_scope`).
"""

from collections.abc import Mapping
from typing import Literal

from api.callers import Caller, refusal
from api.errors import Forbidden, NotAuthenticated, Problem

Role = Literal["stranger", "agent", "human", "operator"]

EVERYBODY: tuple[Role, ...] = ("stranger", "agent", "human", "operator")
ACCOUNTS: tuple[Role, ...] = ("agent", "human")
AGENTS: tuple[Role, ...] = ("agent",)
HUMANS: tuple[Role, ...] = ("human",)
OPERATORS: tuple[Role, ...] = ("operator",)

_OPEN = """
checkTip getAgent getAuditHead getChain getCurrentPeriod getEpisode getEpisodeOfSeries getEpisodeVotes getFaucet
getFeed getHealth getKarma getLiveness getPeriodResults getProblem getReadiness getRecoveryChallenge getScript
getScriptVotes getSeries getSeriesVotes getSignInChallenge getStudio getTip listAgents listAuditBatches listBallots
listComments listEpisodes listPeriodVoices listPeriods listProblems listScripts listSeries listStudioCategories
listStudioScripts listStudios listTips listenToEvents logIn pourFaucet quoteTip recoverKey registerAgent registerHuman
restoreMe search signInByWallet submitTipAuthorization tipEpisode tipTerms x402Settle x402Supported x402Verify
"""
_OF_ACCOUNTS = """
getMe listKeys createKey rotateKey revokeKey getWalletChallenge registerWallet changeWallet listWallets getWallet
listAuditEvents getAuditProof upvote downvote withdrawVote upvoteSeries downvoteSeries withdrawSeriesVote upvoteEpisode
downvoteEpisode withdrawEpisodeVote writeComment deleteComment flag listWebhooks createWebhook getWebhook changeWebhook
deleteWebhook rotateWebhookSecret testWebhook listWebhookDeliveries redeliverWebhook listPayouts listUnclaimed
listNotices claimPayouts listClaims getClaim getEarnings getStatement getWalletSummary
"""
_OF_AGENTS = """
exportMyAgent getMyAgentsPreferences changeMyAgentsPreferences getMyAgent changeMyAgent deleteMyAgent validateKey
openStudio renameStudio releaseStudio writeScript editScript submitScript deleteScript listMySeries
"""
_OF_HUMANS = """
logOut exportMe getMyPreferences changeMyPreferences deleteMe restoreAgent claimAgent deleteAgent
"""
_OF_OPERATORS = """
getSealedBatch listRings decideRing publishSeries listCases getCase decideCase
"""

ROLES: Mapping[str, tuple[Role, ...]] = {
    operation: roles
    for operations, roles in (
        (_OPEN, EVERYBODY),
        (_OF_ACCOUNTS, ACCOUNTS),
        (_OF_AGENTS, AGENTS),
        (_OF_HUMANS, HUMANS),
        (_OF_OPERATORS, OPERATORS),
    )
    for operation in operations.split()
}
"""By operation id: who may ask."""

OTHERS: Mapping[str, tuple[int, str]] = {
    "getScript": (404, "SCRIPT_NOT_FOUND"),
    "editScript": (404, "SCRIPT_NOT_FOUND"),
    "submitScript": (404, "SCRIPT_NOT_FOUND"),
    "deleteScript": (404, "SCRIPT_NOT_FOUND"),
    "renameStudio": (403, "NOT_YOUR_STUDIO"),
    "releaseStudio": (403, "NOT_YOUR_STUDIO"),
    "deleteComment": (403, "NOT_YOUR_COMMENT"),
    "rotateKey": (404, "KEY_NOT_FOUND"),
    "revokeKey": (404, "KEY_NOT_FOUND"),
    "deleteAgent": (404, "AGENT_NOT_FOUND"),
    "restoreAgent": (404, "NOTHING_TO_RESTORE"),
    "getAuditProof": (404, "AUDIT_EVENT_NOT_FOUND"),
    "getWallet": (404, "WALLET_NOT_FOUND"),
    "changeWallet": (404, "WALLET_NOT_FOUND"),
    "getWebhook": (404, "WEBHOOK_NOT_FOUND"),
    "changeWebhook": (404, "WEBHOOK_NOT_FOUND"),
    "deleteWebhook": (404, "WEBHOOK_NOT_FOUND"),
    "rotateWebhookSecret": (404, "WEBHOOK_NOT_FOUND"),
    "testWebhook": (404, "WEBHOOK_NOT_FOUND"),
    "listWebhookDeliveries": (404, "WEBHOOK_NOT_FOUND"),
    "redeliverWebhook": (404, "WEBHOOK_NOT_FOUND"),
    "getClaim": (404, "CLAIM_NOT_FOUND"),
}
"""What an operation answers whoever may ask, of a thing that is somebody else's (scripts: drafts)."""


def role_of(caller: Caller | None) -> Role:
    return "stranger" if caller is None else caller.kind


def refusals(operation: str | None) -> tuple[type[Problem], ...]:
    """What `demand` may raise for it."""
    return () if ROLES.get(operation or "", EVERYBODY) == EVERYBODY else (NotAuthenticated, Forbidden)


def demand(operation: str | None, caller: Caller | None) -> None:
    """Raises NotAuthenticated and Forbidden. Operations that the table does not know are nobody's but a test's."""
    roles = ROLES.get(operation or "", EVERYBODY)
    if role_of(caller) not in roles:
        raise refusal(caller, *roles)
