"""What accounts earned and what became of it, from the chain's own logs alone: nothing of ours but the ABI."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from web3 import Web3
from web3.contract import Contract

RAILS = ("approve", "permit", "authorization", "x402", "flush")
EVENTS = ("TipSplit", "ShareHeld", "ShareClaimed", "ShareSwept")
_NOBODY = "0x" + "00" * 20


class Figures(NamedTuple):
    """Of one line of the earnings."""

    tips: int = 0
    final: int = 0
    pending: int = 0
    held: int = 0

    def plus(self, share: "Share", *, final: bool) -> "Figures":
        return Figures(
            self.tips + 1,
            self.final + final * share.amount,
            self.pending + (not final) * share.amount,
            self.held + share.held * share.amount,
        )


@dataclass(frozen=True)
class Place:
    block: int
    log: int
    tx: str
    time: datetime

    @property
    def month(self) -> str:
        return f"{self.time:%Y-%m}"


@dataclass(frozen=True)
class Share:
    """One account's part of one tip."""

    place: Place
    account: UUID
    role: str
    amount: int
    held: bool
    tip: int
    ref: int
    payer: str | None
    rail: str
    wallet: str | None


@dataclass(frozen=True)
class Move:
    """A bucket that was emptied, or (kind `held`, as ShareHeld tells it) filled."""

    place: Place
    kind: str
    account: UUID
    amount: int
    wallet: str | None


@dataclass(frozen=True)
class Sums:
    """Everything that the splitter ever said of these accounts."""

    shares: Sequence[Share]
    moves: Sequence[Move]
    final: int
    """The number of the newest final block."""

    def earned(self, accounts: Iterable[UUID], key: str, keys: dict[int, str]) -> dict[str, Figures]:
        """By day, series, episode, role, rail or payer; `keys`: by ref, for the two that the chain does not know."""
        own, found = set(accounts), dict[str, Figures]()
        for share in self.shares:
            if share.account in own:
                name = _key(share, key, keys)
                found[name] = found.get(name, Figures()).plus(share, final=share.place.block <= self.final)
        return found

    def flows(self, account: UUID) -> dict[str, Counter[str]]:
        """By month: paid, held, claimed, swept; `held` from the shares."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for share in self.shares:
            if share.account == account:
                found[share.place.month]["held" if share.held else "paid"] += share.amount
        for move in self.moves:
            if move.account == account and move.kind != "held":
                found[move.place.month][move.kind] += move.amount
        return found

    def lines(self, accounts: Iterable[UUID], month: str) -> list[tuple[Any, ...]]:
        """(kind, account, role, tip, amount, wallet, tx, log, final) in the order of the chain."""
        own, found = set(accounts), list[tuple[Any, ...]]()
        for share in self.shares:
            if share.account in own and share.place.month == month:
                kind, wallet = ("held", None) if share.held else ("share", share.wallet)
                whose = (kind, str(share.account), share.role, str(share.tip), str(share.amount), wallet)
                found.append((share.place.block, share.place.log, share.role != "creator", *whose, share.place.tx))
        for move in self.moves:
            if move.account in own and move.place.month == month and move.kind != "held":
                kind = {"claimed": "claim", "swept": "sweep"}[move.kind]
                whose = (kind, str(move.account), None, None, str(move.amount), move.wallet)
                found.append((move.place.block, move.place.log, False, *whose, move.place.tx))
        return [(*rest, log, block <= self.final) for block, log, _, *rest in sorted(found, key=lambda line: line[:3])]


def of_chain(w3: Web3, splitter: Contract, first: int) -> Sums:
    """From `eth_getLogs`, from the block `first` to the newest."""
    by_topic = {bytes.fromhex(splitter.events[name]().topic[2:]): name for name in EVENTS}
    shares: list[Share] = []
    moves: list[Move] = []
    times: dict[int, datetime] = {}
    for log in w3.eth.get_logs({"address": splitter.address, "fromBlock": first, "toBlock": "latest"}):
        name = by_topic.get(bytes(log["topics"][0]))
        if name is None:
            continue
        number = log["blockNumber"]
        if number not in times:
            times[number] = datetime.fromtimestamp(w3.eth.get_block(number)["timestamp"], UTC)
        place = Place(number, log["logIndex"], Web3.to_hex(log["transactionHash"]), times[number])
        args = splitter.events[name]().process_log(log)["args"]
        if name == "TipSplit":
            shares += _shares(place, args)
        else:
            moves.append(_move(place, name, args))
    return Sums(shares, moves, w3.eth.get_block("finalized")["number"])


def _shares(place: Place, args: Any) -> Iterable[Share]:
    for role, bit in (("creator", 1), ("agent", 4)):
        yield Share(
            place=place,
            account=_uuid(args[f"{role}Id"]),
            role=role,
            amount=args[f"{role}Share"],
            held=bool(args["heldMask"] & bit),
            tip=args["amount"],
            ref=int.from_bytes(args["ref"]),
            payer=None if args["payer"] == _NOBODY else args["payer"],
            rail=RAILS[args["rail"]],
            wallet=args[f"{role}Wallet"],
        )


def _move(place: Place, name: str, args: Any) -> Move:
    kind = {"ShareHeld": "held", "ShareClaimed": "claimed", "ShareSwept": "swept"}[name]
    return Move(place, kind, _uuid(args["accountId"]), args["amount"], args.get("wallet") or args.get("treasury"))


def _key(share: Share, key: str, keys: dict[int, str]) -> str:
    match key:
        case "day":
            return f"{share.place.time:%Y-%m-%d}"
        case "series" | "episode":
            return keys.get(share.ref, "other")
        case "payer":
            return share.payer or "other"
        case _:
            return str(getattr(share, key))


def _uuid(account: bytes) -> UUID:
    """Of PLATFORM_ID too: the low half of it, which is nobody's."""
    return UUID(bytes=account[16:])
