"""The forge script deploys on the networks it knows, and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from web3 import Web3

from deploy import splitter
from deploy.local import chain as local_chain
from deploy.local.accounts import cast
from ledger import deployment as deployments

BASE, BASE_SEPOLIA = 8453, 84532
BASE_USDC = Web3.to_checksum_address("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")

NOBODY = "0x" + "0" * 40
EVERYONE = cast()
SETTINGS = {
    "TREASURY": EVERYONE.treasury.address,
    "ADMIN": EVERYONE.admin.address,
    "REGISTRAR": EVERYONE.registrar.address,
    "PAUSER": EVERYONE.pauser.address,
    "AUDITOR": EVERYONE.usdc_owner.address,
}


@contextmanager
def a_network(chain_id: int, usdc: str, name: str) -> Iterator[Web3]:
    with local_chain.running(chain_id=chain_id) as url:
        w3 = local_chain.connect(url)
        local_chain.install_usdc(w3, address=Web3.to_checksum_address(usdc), name=name)
        yield w3


def deployed_by(w3: Web3, account: str = EVERYONE.admin.address, **settings: str):
    return splitter.deploy(
        w3.provider.endpoint_uri, signing=["--unlocked", "--sender", account], settings=SETTINGS | settings
    )


@pytest.mark.parametrize(
    ("chain_id", "usdc", "name"), [(BASE, BASE_USDC, "USD Coin"), (BASE_SEPOLIA, local_chain.USDC, "USDC")]
)
def test_it_deploys_on_base_and_base_sepolia_and_says_where(chain_id, usdc, name, tmp_path):
    with a_network(chain_id, usdc, name) as w3:
        splitter.write(deployed_by(w3), tmp_path / "deployment.json")
        found = deployments.load(chain_id, tmp_path / "deployment.json")
        contract = w3.eth.contract(found.splitter, abi=deployments.abi("TipSplitter"))
        assert found.usdc == contract.functions.USDC().call() == usdc
        assert found.usdc_domain["name"] == name
        receipt = w3.eth.get_transaction_receipt(found.deployment_tx)
        assert (receipt["contractAddress"], receipt["blockNumber"]) == (found.splitter, found.deployed_at_block)
        assert contract.functions.treasury().call() == EVERYONE.treasury.address
        assert contract.functions.defaultAdmin().call() == EVERYONE.admin.address
        assert contract.functions.defaultAdminDelay().call() == 3 * 24 * 3600
        for role, holder in (("REGISTRAR", EVERYONE.registrar), ("PAUSER", EVERYONE.pauser)):
            assert contract.functions.hasRole(Web3.keccak(text=f"{role}_ROLE"), holder.address).call()
        domain = contract.functions.eip712Domain().call()
        assert (domain[1], domain[2]) == (found.splitter_domain["name"], found.splitter_domain["version"])


def test_a_token_that_signs_under_another_domain_is_refused():
    with a_network(BASE_SEPOLIA, local_chain.USDC, "USD Coin") as w3:
        with pytest.raises(splitter.DeployError, match="UnexpectedUsdcDomain"):
            deployed_by(w3)
        assert w3.eth.get_transaction_count(EVERYONE.admin.address) == 0


def test_an_unknown_chain_is_refused():
    with local_chain.running(chain_id=31337) as url, pytest.raises(splitter.DeployError, match="UnknownChain"):
        deployed_by(local_chain.connect(url))


def test_roles_are_left_to_an_admin_who_is_not_the_deployer():
    with a_network(BASE_SEPOLIA, local_chain.USDC, "USDC") as w3:
        deployer = EVERYONE.viewers[0].address
        with pytest.raises(splitter.DeployError, match="RolesNeedTheAdmin"):
            deployed_by(w3, deployer)
        without = {"REGISTRAR": NOBODY, "PAUSER": NOBODY, "AUDITOR": NOBODY}
        found = deployed_by(w3, deployer, **without)
        contract = w3.eth.contract(found["splitter"], abi=deployments.abi("TipSplitter"))
        assert contract.functions.defaultAdmin().call() == EVERYONE.admin.address


def test_a_deploy_that_does_not_end_leaves_its_outcome_unknown(monkeypatch):
    monkeypatch.setattr(splitter, "TIMEOUT_SECONDS", 0.01)
    with (
        local_chain.running(chain_id=BASE_SEPOLIA) as url,
        pytest.raises(splitter.DeployError, match=r"may still be mined: .* before you deploy again"),
    ):
        deployed_by(local_chain.connect(url))
