"""Whether a deployed splitter is what this repository builds. Start at `comparisons`.

The code says what the contract can do; its immutables, for which token; its roles, who may do what. Each is read from
the chain and compared with what follows from the sources, the network's file, and what the asker expects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from molt.building import Build
from molt.chain import Rpc, RpcRefused, checksummed, topic
from molt.problems import BadSetting, ExitCode, MoltError

Verdict = Literal["ok", "differs", "told"]
"""told: nothing was expected of it; whoever asks has to know whether it is right."""
ROLES = ("REGISTRAR", "PAUSER", "AUDITOR")
_NAME, _VERSION = "Molt Studios", "1"
_DOMAIN = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_NOBODY = "0x" + "0" * 40
_ADMIN_ROLE = bytes(32)
_CONSTANTS: dict[str, tuple[str, Any]] = {
    "HOLD_PERIOD": ("uint64", 30 * 86_400),
    "ROTATION_DELAY": ("uint64", 48 * 3_600),
    "VETO_OVERRIDE_DELAY": ("uint64", 7 * 86_400),
    "PLATFORM_ID": ("bytes32", keccak(text="molt.studios.platform")),
}


class NoContract(MoltError):
    """Nothing stands at the address."""

    exit_code = ExitCode.NOT_FOUND
    code = "NO_CONTRACT"


@dataclass(frozen=True)
class Comparison:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    expected: str
    found: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Network:
    """contracts/deployments/<chainId>.json: the token that the chain's splitter must pay in."""

    chain_id: int
    usdc: str
    usdc_name: str
    usdc_version: str
    deployed_at_block: int = 0

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> "Network":
        domain = deployment["usdcDomain"]
        first = int(deployment.get("deployedAtBlock") or 0)
        return cls(
            int(deployment["chainId"]), checksummed(deployment["usdc"]), domain["name"], domain["version"], first
        )


def network_of(deployment: Mapping[str, Any], address: str) -> Network:
    """From a deployment file, whose block is where to read roles from if it is this splitter's. Raises BadSetting."""
    try:
        found = Network.of(deployment)
    except (KeyError, TypeError, ValueError) as error:
        raise BadSetting(f"this is no deployment file: {error!r}") from error
    ours = str(deployment.get("splitter") or "").lower() == address.lower()
    return found if ours else Network(found.chain_id, found.usdc, found.usdc_name, found.usdc_version)


def expected_of(deployment: Mapping[str, Any], address: str) -> dict[str, str]:
    """Who was meant to have which power when this splitter was deployed; nothing if the file is another one's."""
    ours = str(deployment.get("splitter") or "").lower() == address.lower()
    return {name: checksummed(who) for name, who in deployment.get("roles", {}).items()} if ours else {}


def comparisons(
    rpc: Rpc, address: str, build: Build, network: Network, expected: Mapping[str, str]
) -> Iterator[Comparison]:
    """In the order in which one would ask. What other code says of itself proves nothing: there it ends early.

    `expected`: who should be `admin`, `treasury`, `registrar`, `pauser`, `auditor`; what is not named is not judged.
    Raises NoContract, RpcRefused, Unreachable."""
    code = bytes.fromhex(str(rpc.ask("eth_getCode", address, "latest"))[2:])
    if not code:
        raise NoContract(f"there is no contract at {address} on chain {network.chain_id}")
    yield _compared("chain", network.chain_id, rpc.chain_id())
    same = _code(code, build)
    yield same
    yield from _immutables(code, address, build, network)
    yield from _usdc(rpc, network)
    if same.verdict == "differs":
        return
    yield from _constants(rpc, address)
    yield from _settings(rpc, address, expected)
    yield from _roles(rpc, address, network, expected)


# ------------------------------------------------------------------------------------------------------------- the code


def _code(code: bytes, build: Build) -> Comparison:
    masked = bytearray(code)
    for places in build.immutables.values():
        for start, length in places:
            masked[start : start + length] = bytes(len(masked[start : start + length]))
    if bytes(masked) == build.runtime:
        return _same("code", f"{len(code)} bytes, keccak {_short(keccak(bytes(masked)))}")
    pairs = zip(masked, build.runtime, strict=False)
    first = next((at for at, (found, ours) in enumerate(pairs) if found != ours), min(len(masked), len(build.runtime)))
    ours = f"{len(build.runtime)} bytes, keccak {_short(keccak(build.runtime))}"
    return Comparison("code", "differs", ours, f"{len(code)} bytes; the first that differs is byte {first}")


def _immutables(code: bytes, address: str, build: Build, network: Network) -> Iterator[Comparison]:
    usdc = encode(["address"], [network.usdc])
    name, version = keccak(text=_NAME), keccak(text=_VERSION)
    domain = keccak(encode(_DOMAIN_TYPES, [_DOMAIN, name, version, network.chain_id, address]))
    wanted = {
        "_usdc": usdc,
        "_vaultInitCodeHash": keccak(build.vault_creation + usdc),
        "_cachedDomainSeparator": domain,
        "_cachedChainId": encode(["uint256"], [network.chain_id]),
        "_cachedThis": encode(["address"], [address]),
        "_hashedName": name,
        "_hashedVersion": version,
        "_name": _short_string(_NAME),
        "_version": _short_string(_VERSION),
    }
    for each, places in build.immutables.items():
        values = {code[start : start + length] for start, length in places}
        found = ", ".join(sorted(_word(value) for value in values))
        yield Comparison(each, "ok" if values == {wanted[each]} else "differs", _word(wanted[each]), found)


# ------------------------------------------------------------------------------------------------- what the chain says


def _usdc(rpc: Rpc, network: Network) -> Iterator[Comparison]:
    yield _compared("USDC's name", network.usdc_name, _asked(rpc, network.usdc, "name()", "string"))
    yield _compared("USDC's version", network.usdc_version, _asked(rpc, network.usdc, "version()", "string"))
    hashes = keccak(text=network.usdc_name), keccak(text=network.usdc_version)
    domain = keccak(encode(_DOMAIN_TYPES, [_DOMAIN, *hashes, network.chain_id, network.usdc]))
    said = _asked(rpc, network.usdc, "DOMAIN_SEPARATOR()", "bytes32")
    yield _compared("USDC's EIP-712 domain", _word(domain), said)


def _constants(rpc: Rpc, address: str) -> Iterator[Comparison]:
    for name, (kind, value) in _CONSTANTS.items():
        yield _compared(name, _shown(value), _asked(rpc, address, f"{name}()", kind))


def _settings(rpc: Rpc, address: str, expected: Mapping[str, str]) -> Iterator[Comparison]:
    yield _judged("treasury", expected.get("treasury"), _asked(rpc, address, "treasury()", "address"))
    yield _compared("pending treasury", _NOBODY, _asked(rpc, address, "pendingTreasury()", "address"))
    for what in ("minTip", "paused", "registrationFrozen"):
        yield _judged(what, None, _asked(rpc, address, f"{what}()", "uint64" if what == "minTip" else "bool"))


def _roles(rpc: Rpc, address: str, network: Network, expected: Mapping[str, str]) -> Iterator[Comparison]:
    admin = _asked(rpc, address, "defaultAdmin()", "address")
    yield _judged("admin", expected.get("admin"), admin)
    pending, _ = rpc.read(address, "pendingDefaultAdmin()", returns="address,uint48")
    yield _compared("pending admin", _NOBODY, checksummed(pending))
    yield _judged("admin delay (s)", None, _asked(rpc, address, "defaultAdminDelay()", "uint48"))
    holders = _holders(rpc, address, network.deployed_at_block)
    yield _compared("DEFAULT_ADMIN_ROLE", admin, _listed(holders.pop(_ADMIN_ROLE, [])))
    for role in ROLES:
        found = _listed(holders.pop(keccak(text=f"{role}_ROLE"), []))
        yield _judged(f"{role}_ROLE", expected.get(role.lower()), found)
    for unknown, who in holders.items():
        yield Comparison(f"role {_word(unknown)}", "differs", "no such role", _listed(who))


def _holders(rpc: Rpc, address: str, first_block: int) -> dict[bytes, list[str]]:
    """By role, who was ever granted it and has it now."""
    granted = rpc.logs(address, from_block=first_block, topics=[topic("RoleGranted(bytes32,address,address)")])
    found: dict[bytes, list[str]] = {}
    for role, who in sorted({(log.topics[1], checksummed("0x" + log.topics[2][-40:])) for log in granted}):
        key = bytes.fromhex(role[2:])
        if rpc.read(address, "hasRole(bytes32,address)", (key, who), returns="bool"):
            found.setdefault(key, []).append(who)
    return found


def _asked(rpc: Rpc, to: str, signature: str, kind: str) -> str:
    """The view's answer in words; why there is none."""
    try:
        value = rpc.read(to, signature, returns=kind)
    except RpcRefused as refused:
        return f"refused: {refused.message}"
    except ValueError as error:  # eth-abi's, of an answer that is none
        return f"no answer: {error}"
    return _shown(value) if kind != "address" else checksummed(value)


# ------------------------------------------------------------------------------------------------------------- in words

_DOMAIN_TYPES = ["bytes32", "bytes32", "bytes32", "uint256", "address"]


def _compared(what: str, expected: object, found: object) -> Comparison:
    return Comparison(what, "ok" if str(expected) == str(found) else "differs", str(expected), str(found))


def _judged(what: str, expected: str | None, found: str) -> Comparison:
    return Comparison(what, "told", "", found) if expected is None else _compared(what, expected, found)


def _same(what: str, value: str) -> Comparison:
    return Comparison(what, "ok", value, value)


def _listed(who: list[str]) -> str:
    return ", ".join(who) or "nobody"


def _shown(value: Any) -> str:
    return _word(value) if isinstance(value, bytes) else str(value)


def _word(value: bytes) -> str:
    return "0x" + value.hex()


def _short(digest: bytes) -> str:
    return f"0x{digest.hex()[:16]}…"


def _short_string(text: str) -> bytes:
    """OpenZeppelin's ShortString: the text, and its length in the last byte."""
    return text.encode().ljust(31, b"\0") + bytes([len(text)])
