"""What is measured, what it may cost, and what others ask for the nearest thing. `Bench` has a method of each key."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """Somebody else's published figure."""

    name: str
    gas: int


@dataclass(frozen=True)
class Row:
    key: str
    name: str
    target: int | None = None
    """A promise: more fails, whatever was committed."""
    peers: tuple[Peer, ...] = ()


_COMMERCE = "Coinbase Commerce (2 recipients)"

ROWS = (
    Row(
        "approve", "approve, `tip`", 94_000, (Peer(_COMMERCE, 124_100), Peer("0xSplits push (2 transactions)", 138_900))
    ),
    Row("permit", "EIP-2612, `tipWithPermit`", 114_000, (Peer(_COMMERCE, 152_200),)),
    Row(
        "authorization",
        "EIP-3009, `tipWithAuthorization`",
        133_000,
        (Peer("Base commerce-payments (2 recipients)", 171_300),),
    ),
    Row(
        "x402",
        "x402, vault deployed at publication",
        138_000,
        (Peer("0xSplits (not atomic)", 179_600), Peer("x402-exec (modified client)", 187_300)),
    ),
    Row("x402_deploying", "x402, the tip deploys the vault", 270_000),
    Row("held", "approve, one share held (steady state)", 123_000),
    Row("claim", "`claim` of one bucket", 60_000),
    Row("first_usdc", "approve, a recipient's first USDC ever"),
    Row("authorization_safe", "`tipWithAuthorization` by a Safe of two owners (ERC-1271)"),
    Row("flush", "`flush` of a vault that is deployed"),
    Row("deploy_one", "`deployVaults`, one"),
    Row("deploy_five", "`deployVaults`, five"),
    Row("sweep", "`sweep` of one bucket"),
    Row("register", "`register`, an account's first wallet"),
    Row("register_safe", "`register` of a Safe of two owners"),
    Row("rotate", "`rotate`, announced"),
    Row("rotate_cosigned", "`rotate`, the old wallet co-signs"),
    Row("confirm", "`confirmRotation`"),
)
