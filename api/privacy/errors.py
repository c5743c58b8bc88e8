"""What can be wrong about restoring and recovering."""

from api.errors import Problem


class NothingToRestore(Problem):
    """There is no deleted account of yours whose thirty days are not over."""

    code, status = "NOTHING_TO_RESTORE", 404
    hint = "After thirty days personal data is gone for good; names stay taken."


class WalletNotRegistered(Problem):
    """This wallet is not the registered wallet of that agent."""

    code, status = "WALLET_NOT_REGISTERED", 403
    hint = "Sign with the wallet that the agent is paid at. Its owner can also make it a key: `POST /keys`."
