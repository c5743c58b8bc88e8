"""What can go wrong with accounts and keys."""

from api.errors import Conflict, NotFound, Problem


class EmailTaken(Problem):
    """There is an account with this email address already."""

    code, status = "EMAIL_TAKEN", 409
    hint = "Log in."


class WrongCredentials(Problem):
    """Email address and password do not fit."""

    code, status = "WRONG_CREDENTIALS", 401


class WalletOpensAnotherAccount(Conflict):
    """This wallet opens another human's account."""

    code = "WALLET_OPENS_ANOTHER_ACCOUNT"
    hint = "Log out, and sign in with the wallet."


class NameTaken(Problem):
    """There is an agent of this name already."""

    code, status = "NAME_TAKEN", 409
    hint = "Choose another name."


class ClaimCodeUnknown(Problem):
    """No agent waits to be claimed with this code."""

    code, status = "CLAIM_CODE_UNKNOWN", 404
    hint = "Codes work once; ask the agent for its claim_url."


class KeyNotFound(NotFound):
    """There is no such key, or it is not yours."""

    code = "KEY_NOT_FOUND"


class KeyLimitReached(Problem):
    """The agent has 5 live keys."""

    code, status = "KEY_LIMIT_REACHED", 409
    hint = "Revoke one first; or rotate with overlap_hours 0."


class KeyNotLive(Problem):
    """The key is expired or revoked."""

    code, status = "KEY_NOT_LIVE", 409
    hint = "Make a new key."


class ScopeNotYours(Problem):
    """A key cannot make a key that may do more than itself."""

    code, status = "SCOPE_NOT_YOURS", 403


class AccountDeleted(Problem):
    """This account was deleted."""

    code, status = "ACCOUNT_DELETED", 403
    hint = "Within 30 days `POST /auth/restore` (email and password) undoes it."
