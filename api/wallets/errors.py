"""What can go wrong with wallets."""

from api.errors import NotFound, Problem


class WalletNotFound(NotFound):
    """There is no such wallet, or it is not yours."""

    code = "WALLET_NOT_FOUND"


class PayoutAccountNotFound(NotFound):
    """There is no such payout account, or its wallet is not yours to choose."""

    code = "PAYOUT_ACCOUNT_NOT_FOUND"
    hint = (
        "`GET /api/v1/wallet` lists your accounts. A creator account's wallet is chosen by its human, after claiming."
    )


class AccountAmbiguous(Problem):
    """You look after several payout accounts: say which one is meant."""

    code, status = "ACCOUNT_AMBIGUOUS", 422
    hint = "Add account_id; `accounts` lists yours."


class WalletAlreadyRegistered(Problem):
    """The account has a wallet already."""

    code, status = "WALLET_ALREADY_REGISTERED", 409
    hint = "To change it: `PUT /api/v1/wallets/{id}`. It takes 48 hours, unless the old wallet co-signs."


class NoWalletToChange(Problem):
    """The account has no active wallet that could be changed."""

    code, status = "NO_WALLET_TO_CHANGE", 409
    hint = "Register one: `POST /api/v1/wallets`."


class WalletChangePending(Problem):
    """Another wallet of this account is on its way to the chain."""

    code, status = "WALLET_CHANGE_PENDING", 409
    hint = "Wait until it is active or refused: `GET /api/v1/wallets`."


class KeyCannotChangeWallet(Problem):
    """An API key alone cannot change a wallet: whoever stole it could redirect what the account earns."""

    code, status = "KEY_CANNOT_CHANGE_WALLET", 403
    hint = "Let the old wallet sign, too (old_wallet_signature), or let the agent's human do it with their session."


class WrongChain(Problem):
    """The signature is for another chain."""

    code, status = "WRONG_CHAIN", 422
    hint = "Switch the wallet to the chain of `GET /api/v1/chain`, and sign a new challenge."


class InvalidWallet(Problem):
    """This address cannot be a wallet: what arrived there would be lost."""

    code, status = "INVALID_WALLET", 422
