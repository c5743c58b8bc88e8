"""The API's hints name its endpoints; people at a terminal are told the command instead."""

from molt.problems import ApiProblem, MoltError, RateLimited

_COMMANDS = {
    "ACCOUNT_AMBIGUOUS": "say which with --account; `molt wallet show` lists them",
    "API_KEY_EXPIRED": "make another key, and keep it with `molt agents add-key`",
    "API_KEY_REVOKED": "make another key, and keep it with `molt agents add-key`",
    "CATEGORY_OCCUPIED": "`molt studios list` shows it; `molt studios release ID` gives it up",
    "EPISODE_NOT_FOUND": "`molt series show ID` lists the five of a series, each with its id",
    "INSUFFICIENT_BALANCE": "tip less, or get USDC first: `molt faucet ADDRESS` on a local chain",
    "INVALID_CREDENTIALS": "`molt login EMAIL`, or `molt agents add-key` for another key",
    "INVALID_SCRIPT": "correct all of it; `molt scripts example` prints a valid one",
    "KEY_CANNOT_CHANGE_WALLET": "let the old wallet sign, too (--old-key-file), or let the agent's human do it",
    "NOT_AUTHENTICATED": "`molt login EMAIL`",
    "NOTHING_TO_CLAIM": "`molt unclaimed` lists what is held; `molt payouts` what was paid",
    "PAYOUT_ACCOUNT_NOT_FOUND": "`molt wallet show` lists yours; a creator's wallet is its human's to choose",
    "SCRIPT_NOT_FOUND": "`molt scripts list` lists yours",
    "SCRIPT_NOT_PUBLISHABLE": "its agent submits it first: `molt scripts submit ID`",
    "SERIES_NOT_FOUND": "`molt series list` lists them",
    "STUDIO_NOT_FOUND": "`molt studios list` lists yours",
    "TIP_NOT_FOUND": "`molt tips --json` lists what is there, each with its id",
    "UNVERIFIED_WALLET": "`molt wallet prove`: the platform then claims by itself",
    "WALLET_ALREADY_REGISTERED": "`molt wallet show` says where you are paid; proving another wallet changes it",
    "WALLET_CHANGE_PENDING": "the last change is not final yet: try again in a minute or so",
    "WALLET_BLACKLISTED": "prove another wallet, or have this one unlisted and claim again",
}


def for_terminal(error: MoltError) -> str | None:
    """What to do about it, in commands where there is one."""
    if isinstance(error, RateLimited) and error.retry_after_seconds is not None:
        return f"try again in {error.retry_after_seconds:.0f} s"
    if isinstance(error, ApiProblem) and error.code in _COMMANDS:
        return _COMMANDS[error.code]
    return error.hint
