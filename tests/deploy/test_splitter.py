"""The forge script deploys on the networks it knows, at an address one can know before, and once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from typer import Typer
from typer.testing import CliRunner
from web3 import Web3

from deploy import forge, splitter
from deploy.local import chain as local_chain
from deploy.local.accounts import cast
from ledger import deployment as deployments
from tests.builders.safes import Safe, Safes

BASE, BASE_SEPOLIA = 8453, 84532
BASE_USDC = Web3.to_checksum_address("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")
CREATE2_PROXY = "4e59b44847b379578588920cA78FbF26c0B4956C"
NOBODY = "0x" + "0" * 40
EVERYONE = cast()
DEPLOYER = EVERYONE.viewers[0].address
SETTINGS = {
    "TREASURY": EVERYONE.treasury.address,
    "ADMIN": EVERYONE.admin.address,
    "REGISTRAR": EVERYONE.registrar.address,
    "PAUSER": EVERYONE.pauser.address,
    "AUDITOR": EVERYONE.usdc_owner.address,
}
ROLES = ("REGISTRAR", "PAUSER", "AUDITOR")


@contextmanager
def a_network(chain_id: int = BASE_SEPOLIA, usdc: str = local_chain.USDC, name: str = "USDC") -> Iterator[Web3]:
    with local_chain.running(chain_id=chain_id) as url:
        w3 = local_chain.connect(url)
        local_chain.install_usdc(w3, address=Web3.to_checksum_address(usdc), name=name)
        yield w3


@pytest.fixture(scope="module")
def base() -> Iterator[tuple[Web3, Safe]]:
    """Its id, its USDC, and a multisig."""
    with a_network(BASE, BASE_USDC, "USD Coin") as w3:
        safe = Safes.installed(w3).a_safe()
        safe.deploy(w3)
        yield w3, safe


def deployed_by(w3: Web3, account: str = EVERYONE.admin.address, **settings: str) -> dict[str, Any]:
    return splitter.deploy(local_chain.url_of(w3), signing=_signing(account), settings=SETTINGS | settings)


def commanded(w3: Web3, monkeypatch: pytest.MonkeyPatch, *words: str, **settings: str) -> Any:
    """What the operator's command says; DEPLOYER signs."""
    for name, value in (SETTINGS | settings).items():
        monkeypatch.setenv(name, value)
    app = Typer()
    app.command()(splitter.main)
    return CliRunner().invoke(app, ["--rpc-url", local_chain.url_of(w3), *words, "--", *_signing(DEPLOYER)])


def roles_held(w3: Web3, address: str) -> list[str]:
    contract = w3.eth.contract(Web3.to_checksum_address(address), abi=deployments.abi("TipSplitter"))
    return [each for each in ROLES if contract.functions.hasRole(keccak(text=f"{each}_ROLE"), SETTINGS[each]).call()]


def test_it_deploys_on_base_sepolia_and_says_where(tmp_path):
    with a_network() as w3:
        splitter.write(deployed_by(w3), tmp_path / "deployment.json")
        found = deployments.load(BASE_SEPOLIA, tmp_path / "deployment.json")
        contract = w3.eth.contract(found.splitter, abi=deployments.abi("TipSplitter"))
        assert found.usdc == contract.functions.USDC().call() == local_chain.USDC
        receipt = w3.eth.get_transaction_receipt(found.deployment_tx)
        assert receipt["blockNumber"] == found.deployed_at_block
        assert {log["address"] for log in receipt["logs"]} == {found.splitter}
        assert not w3.eth.get_code(found.splitter, found.deployed_at_block - 1)
        assert contract.functions.treasury().call() == EVERYONE.treasury.address
        assert contract.functions.defaultAdmin().call() == EVERYONE.admin.address
        assert contract.functions.defaultAdminDelay().call() == 3 * 24 * 3600
        assert roles_held(w3, found.splitter) == list(ROLES)
        domain = contract.functions.eip712Domain().call()
        assert (domain[1], domain[2]) == (found.splitter_domain["name"], found.splitter_domain["version"])


def test_the_address_follows_from_bytecode_and_settings_alone():
    with a_network() as w3:
        found = deployed_by(w3)
        creation = json.loads(forge.ARTIFACT.read_text())["bytecode"]["object"].removeprefix("0x")
        init_code = bytes.fromhex(creation + found["constructorArguments"].removeprefix("0x"))
        digest = keccak(bytes.fromhex("ff" + CREATE2_PROXY) + bytes(32) + keccak(init_code))
        assert found["splitter"].lower() == "0x" + digest[12:].hex()
        usdc_domain = w3.eth.contract(local_chain.USDC, abi=deployments.abi("FiatTokenV2_2")).functions
        types = ["address", "bytes32", "address", "uint48", "address", "uint64"]
        values = [local_chain.USDC, usdc_domain.DOMAIN_SEPARATOR().call(), SETTINGS["ADMIN"], 3 * 24 * 3600]
        assert found["constructorArguments"] == "0x" + encode(types, [*values, SETTINGS["TREASURY"], 100_000]).hex()
    with a_network() as w3:
        w3.eth.send_transaction({"from": DEPLOYER, "to": DEPLOYER, "value": 1})
        assert deployed_by(w3)["splitter"] == found["splitter"]


def test_run_again_it_finds_what_stands_and_does_the_rest():
    with a_network() as w3:
        nobody = dict.fromkeys(ROLES, NOBODY)
        first = deployed_by(w3, **nobody)
        assert roles_held(w3, first["splitter"]) == []
        local_chain.request(w3, "anvil_mine", hex(37))
        sent = w3.eth.get_transaction_count(EVERYONE.admin.address)
        second = deployed_by(w3)
        assert {**second, "roles": None} == {**first, "roles": None}
        assert roles_held(w3, first["splitter"]) == list(ROLES)
        assert w3.eth.get_transaction_count(EVERYONE.admin.address) == sent + 3
        assert deployed_by(w3) == second
        assert w3.eth.get_transaction_count(EVERYONE.admin.address) == sent + 3


def test_a_multisig_grants_the_roles_by_the_file_that_is_left_for_it(base, tmp_path, monkeypatch):
    w3, safe = base
    file = tmp_path / "8453.json"
    ran = commanded(w3, monkeypatch, "--out", str(file), ADMIN=safe.address)
    assert ran.exit_code == 0, ran.output
    found, batch = json.loads(file.read_text()), json.loads((tmp_path / "8453.safe.json").read_text())
    assert roles_held(w3, found["splitter"]) == []
    assert (batch["chainId"], batch["meta"]["createdFromSafeAddress"]) == ("8453", safe.address)
    contract = w3.eth.contract(Web3.to_checksum_address(found["splitter"]), abi=deployments.abi("TipSplitter"))
    for each in batch["transactions"]:
        inputs = [each["contractInputsValues"][name["name"]] for name in each["contractMethod"]["inputs"]]
        assert f"{each['to']} grantRole({', '.join(inputs)})" in ran.output
        call = contract.get_function_by_name(each["contractMethod"]["name"])(*inputs)
        safe.execute(w3, each["to"], call._encode_transaction_data())
    assert roles_held(w3, found["splitter"]) == list(ROLES)
    ran = commanded(w3, monkeypatch, "--out", str(file), ADMIN=safe.address)
    assert "Every role is granted." in ran.output
    assert json.loads(file.read_text()) == found
    assert not (tmp_path / "8453.safe.json").exists()


def test_a_dry_run_sends_nothing_and_says_where(tmp_path, monkeypatch):
    with a_network() as w3:
        ran = commanded(w3, monkeypatch, "--dry-run", "--out", str(tmp_path / "d.json"))
        assert ran.exit_code == 0, ran.output
        assert w3.eth.get_transaction_count(DEPLOYER) == 0
        assert not (tmp_path / "d.json").exists()
        assert deployed_by(w3)["splitter"] in ran.output


def test_a_node_that_does_not_answer_is_said_without_its_url():
    app = Typer()
    app.command()(splitter.main)
    ran = CliRunner().invoke(app, ["--rpc-url", "http://127.0.0.1:9/secret-key", "--", *_signing(DEPLOYER)])
    assert (ran.exit_code, "No node answers" in ran.output) == (1, True)
    assert "secret-key" not in ran.output


def test_a_slip_in_a_setting_does_not_deploy_a_second_splitter(tmp_path, monkeypatch):
    file = tmp_path / "d.json"
    with a_network() as w3:
        assert commanded(w3, monkeypatch, "--out", str(file)).exit_code == 0
        before = file.read_text(), w3.eth.get_transaction_count(DEPLOYER)
        ran = commanded(w3, monkeypatch, "--out", str(file), MIN_TIP="200000")
        assert ran.exit_code == 1
        assert "names another splitter" in ran.output
        assert (file.read_text(), w3.eth.get_transaction_count(DEPLOYER)) == before
        ran = commanded(w3, monkeypatch, "--another", "--out", str(file), MIN_TIP="200000")
        assert ran.exit_code == 0, ran.output
        assert json.loads(file.read_text())["splitter"] != json.loads(before[0])["splitter"]


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"ADMIN": EVERYONE.admin.address}, "AdminIsNoMultisig"),
        ({"ADMIN": NOBODY}, "AdminIsNoMultisig"),
        ({"ADMIN_DELAY_SECONDS": "86399"}, "AdminDelayTooShort"),
        ({"PAUSER": SETTINGS["REGISTRAR"]}, "OneKeyForTwoParts"),
        ({"TREASURY": SETTINGS["AUDITOR"]}, "OneKeyForTwoParts"),
        ({"REGISTRAR": DEPLOYER}, "OneKeyForTwoParts"),
    ],
)
def test_base_is_refused_what_a_test_network_may_have(base, changed, refusal):
    w3, safe = base
    sent = w3.eth.get_transaction_count(DEPLOYER)
    with pytest.raises(forge.DeployError, match=refusal):
        deployed_by(w3, DEPLOYER, **({"ADMIN": safe.address} | changed))
    assert w3.eth.get_transaction_count(DEPLOYER) == sent


def test_a_key_that_delegates_is_no_multisig(base):
    w3, safe = base
    delegating = EVERYONE.pauser.address
    local_chain.request(w3, "anvil_setCode", delegating, "0xef0100" + safe.address[2:])
    with pytest.raises(forge.DeployError, match="AdminIsNoMultisig"):
        deployed_by(w3, DEPLOYER, ADMIN=delegating, PAUSER=NOBODY)


def test_a_token_that_signs_under_another_domain_is_refused():
    with a_network(name="USD Coin") as w3:
        with pytest.raises(forge.DeployError, match="UnexpectedUsdcDomain"):
            deployed_by(w3)
        assert w3.eth.get_transaction_count(EVERYONE.admin.address) == 0


def test_an_unknown_chain_is_refused():
    with local_chain.running(chain_id=31337) as url, pytest.raises(forge.DeployError, match="UnknownChain"):
        deployed_by(local_chain.connect(url))


def test_a_chain_without_the_create2_proxy_is_refused():
    with a_network() as w3:
        local_chain.request(w3, "anvil_setCode", "0x" + CREATE2_PROXY, "0x")
        with pytest.raises(forge.DeployError, match="NoCreate2Proxy"):
            deployed_by(w3)


def test_a_deploy_that_does_not_end_leaves_its_outcome_unknown(monkeypatch):
    monkeypatch.setattr(forge, "TIMEOUT_SECONDS", 0.01)
    with (
        local_chain.running(chain_id=BASE_SEPOLIA) as url,
        pytest.raises(forge.DeployError, match=r"may still be mined: run this again with the same settings"),
    ):
        deployed_by(local_chain.connect(url))


def _signing(account: str) -> list[str]:
    return ["--unlocked", "--sender", account]
