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
