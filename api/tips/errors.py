"""What can be wrong about a tip."""

from api.errors import Problem


class TipNotFound(Problem):
    """There is no such tip (any more)."""

    code, status = "TIP_NOT_FOUND", 404
    hint = "A tip of a block that the chain left is gone; `GET /api/v1/tips` lists what is there."


class TipBelowMinimum(Problem):
    """The tip is below the minimum."""

    code, status = "TIP_BELOW_MINIMUM", 422
    hint = "`minimum_micro_usdc` names the smallest tip."


class RecipientsDiffer(Problem):
    """The episode belongs to others than those who would be paid."""

    code, status = "RECIPIENTS_DIFFER", 422
    hint = "Ask for a new quote: creator and agent must be the episode's own."


class TermsChanged(Problem):
    """The terms are not those that were signed."""

    code, status = "TERMS_CHANGED", 422
    hint = "Ask for a new quote, and sign it as it is: recipient and nonce carry the terms."


class InvalidSignature(Problem):
    """The payer did not sign this."""

    code, status = "INVALID_SIGNATURE", 422
    hint = "Sign the quote's typed data, unchanged, with the key of `from`."


class AuthorizationExpired(Problem):
    """The authorization is not valid any more."""

    code, status = "AUTHORIZATION_EXPIRED", 422
    hint = "Ask for a new quote, and sign again."


class AuthorizationNotYetValid(Problem):
    """The authorization is not valid yet."""

    code, status = "AUTHORIZATION_NOT_YET_VALID", 422
    hint = "Submit it after `valid_after`, or sign one with `valid_after` 0."


class AuthorizationUsed(Problem):
    """This authorization was used before."""

    code, status = "AUTHORIZATION_USED", 409
    hint = "Nothing more will be paid by it. To tip again, ask for a new quote and sign that."


class AuthorizationCancelled(Problem):
    """The payer cancelled this authorization."""

    code, status = "AUTHORIZATION_CANCELLED", 409
    hint = "Nothing was paid by it, and nothing can be. To tip, ask for a new quote and sign that."


class PaymentIdReused(Problem):
    """This payment identifier names another payment."""

    code, status = "PAYMENT_ID_REUSED", 409
    hint = "Another payment takes an identifier of its own; a retry of the same one keeps its own."


class InsufficientBalance(Problem):
    """The payer has less USDC than the tip."""

    code, status = "INSUFFICIENT_BALANCE", 422
    hint = "Get USDC on this chain first, or tip less."


class InsufficientAllowance(Problem):
    """The splitter may not take so much of the payer's USDC."""

    code, status = "INSUFFICIENT_ALLOWANCE", 422
    hint = "Approve the splitter first (the quote's first call), or take a rail that needs no allowance."


class PayerBlacklisted(Problem):
    """USDC refuses payments by this wallet."""

    code, status = "PAYER_BLACKLISTED", 422
    hint = "Pay from another wallet."


class TipsPaused(Problem):
    """Tips are paused on the splitter."""

    code, status = "TIPS_PAUSED", 409
    hint = "Nothing was sent. Try later."


class RefusedByChain(Problem):
    """The chain refused it."""

    code, status = "REFUSED_BY_CHAIN", 409
    hint = "Nothing was paid. Ask for a new quote, and sign again."


class RelayerBusy(Problem):
    """We cannot pay for more gas right now."""

    code, status = "RELAYER_BUSY", 503
    hint = "Nothing was sent. Submit the same authorization later, or pay by a rail that you pay the gas of."


class GaslessLimitReached(Problem):
    """This wallet has had its gas for today."""

    code, status = "GASLESS_LIMIT_REACHED", 429
    hint = "Nothing was sent. Submit the same authorization later, or pay by a rail that you pay the gas of."


class LedgerNotReady(Problem):
    """The ledger does not know this chain yet."""

    code, status = "LEDGER_NOT_READY", 503
    hint = "The indexer has just started; try again in a few seconds."


VOID: tuple[type[Problem], ...] = (
    RecipientsDiffer,
    TermsChanged,
    InvalidSignature,
    AuthorizationExpired,
    AuthorizationNotYetValid,
    AuthorizationUsed,
    AuthorizationCancelled,
)
"""What can be wrong with an authorization itself."""

IN_THE_WAY: dict[str, type[Problem]] = {
    kind.code: kind for kind in (TipsPaused, PayerBlacklisted, InsufficientBalance, InsufficientAllowance)
}
"""A quote's problems, as problems of a request."""
