"""`molt verify-contract` says yes to what this checkout deploys, and no to one byte more or less."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from typer.testing import CliRunner
from web3 import Web3

from deploy import forge, splitter
from deploy.local import chain as local_chain
from molt import building, verification
from molt.building import Build
from molt.chain import Rpc, calldata
from molt.cli import app
from tests.builders.safes import Safes

BASE = 8453
ROLES = ("REGISTRAR", "PAUSER", "AUDITOR")


@pytest.fixture(scope="module")
def build() -> Build:
    return building.build(building.checkout())


@pytest.fixture(autouse=True)
def compiled(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once is enough."""
    monkeypatch.setattr(building, "build", lambda _: build)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web3, str, Path]]:
    """The platform's own chain: its node, the splitter, the deployment file."""
    file = tmp_path_factory.mktemp("local") / "deployment.json"
    with local_chain.running() as url:
        local_chain.ensure_deployed(url, file)
        yield local_chain.connect(url), json.loads(file.read_text())["splitter"], file


def asked(w3: Web3, *words: str) -> Any:
    """What the command says, as a program reads it."""
    url = local_chain.url_of(w3)
    return CliRunner().invoke(app, ["verify-contract", *words, "--rpc-url", url, "--json"])


def test_it_is_what_the_release_build_made(build: Build) -> None:
    artifact = json.loads(forge.ARTIFACT.read_text())["deployedBytecode"]
    assert build.runtime.hex() == artifact["object"].removeprefix("0x")
    assert len(build.immutables) == len(artifact["immutableReferences"])


def test_yes_for_the_local_deployment(local: tuple[Web3, str, Path]) -> None:
    w3, address, file = local
    ran = asked(w3, address, "--deployment", str(file))
    said = json.loads(ran.stdout)
    assert (ran.exit_code, said["same"]) == (0, True), said
    verdicts = {each["what"]: each["verdict"] for each in said["comparisons"]}
    assert {verdicts[each] for each in ("code", "_usdc", "_vaultInitCodeHash", "USDC's EIP-712 domain")} == {"ok"}


def test_everybody_is_judged_by_what_the_deployment_file_says(local: tuple[Web3, str, Path], tmp_path: Path) -> None:
    w3, address, file = local
    judged = json.loads(asked(w3, address, "--deployment", str(file)).stdout)["comparisons"]
    verdicts = {each["what"]: each["verdict"] for each in judged}
    powers = ("admin", "treasury", *(f"{role}_ROLE" for role in ROLES))
    assert [verdicts[power] for power in powers] == ["ok"] * 5
    told = json.loads(file.read_text())
    told["roles"]["pauser"] = told["roles"]["registrar"]
    (tmp_path / "other.json").write_text(json.dumps(told))
    ran = asked(w3, address, "--deployment", str(tmp_path / "other.json"))
    differing = [each["what"] for each in json.loads(ran.stdout)["comparisons"] if each["verdict"] == "differs"]
    assert (ran.exit_code, differing) == (9, ["PAUSER_ROLE"])


def test_yes_for_a_dry_run_on_base_and_no_for_another_holder_of_a_role() -> None:
    """With keys that nobody uses: what they sign for chain 8453 would be worth something there."""
    settings = {name: Web3.to_checksum_address(Account.create().address) for name in ("TREASURY", *ROLES)}
    network = json.loads(Path(f"contracts/deployments/{BASE}.json").read_text())
    with local_chain.running(chain_id=BASE) as url:
        w3 = local_chain.connect(url)
        local_chain.install_usdc(w3, address=network["usdc"], name="USD Coin")
        admin = Safes.installed(w3).a_safe()
        admin.deploy(w3)
        settings["ADMIN"] = admin.address
        deployment = splitter.deploy(url, signing=["--unlocked", "--sender", w3.eth.accounts[9]], settings=settings)
        for call in splitter.to_grant(w3, deployment):
            values = tuple(
                bytes.fromhex(value[2:]) if kind == "bytes32" else value for _, kind, value in call.arguments
            )
            admin.execute(w3, call.to, calldata("grantRole(bytes32,address)", *values))
        wanted = [word for name, holder in settings.items() for word in (f"--{name.lower()}", holder)]
        ran = asked(w3, deployment["splitter"], *wanted)
        assert (ran.exit_code, json.loads(ran.stdout)["same"]) == (0, True), ran.stdout
        ran = asked(w3, deployment["splitter"], *wanted, "--pauser", settings["REGISTRAR"])
        differing = [each for each in json.loads(ran.stdout)["comparisons"] if each["verdict"] == "differs"]
        assert ran.exit_code == 9
        assert [(each["what"], each["found"]) for each in differing] == [("PAUSER_ROLE", settings["PAUSER"])]


def test_no_for_one_byte_changed(local: tuple[Web3, str, Path], build: Build) -> None:
    w3, address, file = local
    code = bytearray(w3.eth.get_code(Web3.to_checksum_address(address)))
    usdc_at = build.immutables["_usdc"][1][0] + 31
    hash_at = build.immutables["_vaultInitCodeHash"][0][0]
    try:
        for at, what in ((0, "code"), (len(code) // 2, "code"), (len(code) - 1, "code")):
            assert what in _differing_with(w3, address, file, code, at)
        assert _differing_with(w3, address, file, code, usdc_at) == ["_usdc"]
        assert _differing_with(w3, address, file, code, hash_at) == ["_vaultInitCodeHash"]
        assert "code" in _differing(w3, address, file, bytes(code) + b"\0")
    finally:
        local_chain.request(w3, "anvil_setCode", address, "0x" + code.hex())


def test_no_for_another_vault(local: tuple[Web3, str, Path], build: Build) -> None:
    """As if the checkout's vault were another by one byte."""
    w3, address, file = local
    other = Build(build.runtime, build.immutables, build.vault_creation[:-1] + b"\0")
    network = verification.network_of(json.loads(file.read_text()), address)
    url = local_chain.url_of(w3)
    found = verification.comparisons(Rpc(url), address, other, network, {})
    assert [each.what for each in found if each.verdict == "differs"] == ["_vaultInitCodeHash"]


def test_where_nothing_stands_and_where_nobody_answers_is_neither_yes_nor_no(local: tuple[Web3, str, Path]) -> None:
    w3, _, file = local
    assert asked(w3, "0x" + "12" * 20, "--deployment", str(file)).exit_code == 5
    silent = ["verify-contract", "0x" + "12" * 20, "--rpc-url", "http://127.0.0.1:9", "--deployment", str(file)]
    assert CliRunner().invoke(app, silent).exit_code == 3


def _differing_with(w3: Web3, address: str, file: Path, code: bytearray, at: int) -> list[str]:
    changed = bytearray(code)
    changed[at] ^= 1
    return _differing(w3, address, file, bytes(changed))


def _differing(w3: Web3, address: str, file: Path, code: bytes) -> list[str]:
    local_chain.request(w3, "anvil_setCode", address, "0x" + code.hex())
    ran = asked(w3, address, "--deployment", str(file))
    assert ran.exit_code == 9, ran.output
    return [each["what"] for each in json.loads(ran.stdout)["comparisons"] if each["verdict"] == "differs"]
