"""What can be wrong about a payout."""

from api.errors import Problem


class UnverifiedWallet(Problem):
    """This account has no verified wallet."""

    code, status = "UNVERIFIED_WALLET", 409
    hint = (
        "Register one: `GET /api/v1/wallets/challenge`, sign it, `POST /api/v1/wallets`. The claim follows by itself."
    )


class WalletBlacklisted(Problem):
    """USDC refuses payments to this account's wallet."""

    code, status = "WALLET_BLACKLISTED", 409
    hint = "Register another wallet (`PUT /api/v1/wallets/{id}`) before the shares expire."


class NothingToClaim(Problem):
    """Nothing is held for these accounts."""

    code, status = "NOTHING_TO_CLAIM", 409
    hint = "`GET /api/v1/payouts/unclaimed` shows what is held, `GET /api/v1/payouts` what was paid."


class AccountNotFound(Problem):
    """There is no such account of yours."""

    code, status = "ACCOUNT_NOT_FOUND", 404
    hint = "`GET /api/v1/wallet` lists your payout accounts."


class ClaimNotFound(Problem):
    """There is no such claim of yours."""

    code, status = "CLAIM_NOT_FOUND", 404


class PayoutsFrozen(Problem):
    """Payouts wait, because the ledger may not be what the chain says."""

    code, status = "PAYOUTS_FROZEN", 503
    hint = (
        "Nothing is lost, and `GET /api/v1/health/ready` says when it goes on. The contract pays without us, too: "
        "`claim(accountId, expiries)` on the splitter, by anybody, to the registered wallet."
    )


class TooManyTips(Problem):
    """These are more tips than are summed one by one."""

    code, status = "TOO_MANY_TIPS", 422
    hint = "Ask for a shorter time (`since`, `until`) or one account (`account_id`), and add the answers up."


class MonthInFuture(Problem):
    """This month has not begun."""

    code, status = "MONTH_IN_FUTURE", 422
    hint = "Months are UTC, by the chain's time; the present one can be asked for, and is preliminary."


class StatementTooLong(Problem):
    """This statement would have too many movements."""

    code, status = "STATEMENT_TOO_LONG", 422
    hint = (
        "Ask for one of your accounts (`account_id`, see `GET /api/v1/wallet`). If it has that many by itself, "
        "`GET /api/v1/payouts` lists them page by page, and `GET /api/v1/earnings` has the sums."
    )
