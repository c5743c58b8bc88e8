"""What payers send and sign is what the contracts read."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from api import calldata
from api.production.terms import Terms
from api.tips import rails
from ledger import deployment
from ledger.money import MicroUsdc

USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
SPLITTER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
TERMS = Terms(creator_id=b"\1".rjust(32, b"\0"), agent_id=b"\2".rjust(32, b"\0"), ref=b"\3".rjust(32, b"\0"))
PAYER = Account.from_key("0x" + "11" * 32)

# From the source of FiatTokenV2_2 (EIP-3009 and EIP-2612).
TYPEHASHES = {
    "ReceiveWithAuthorization": "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8",
    "TransferWithAuthorization": "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267",
    "Permit": "6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9",
}


@pytest.fixture
def chain() -> deployment.Deployment:
    def domain(name: str, version: str, contract: Any) -> deployment.TypedDataDomain:
        return {"name": name, "version": version, "chainId": 84532, "verifyingContract": contract}

    return deployment.Deployment(
        chain_id=84532,
        usdc=USDC,  # type: ignore[arg-type]
        usdc_domain=domain("USDC", "2", USDC),
        splitter=SPLITTER,  # type: ignore[arg-type]
        splitter_domain=domain("Molt Studios", "1", SPLITTER),
        deployed_at_block=1,
        deployment_tx=None,
    )


def signed(to: bytes) -> rails.Authorization:
    payer = bytes.fromhex(PAYER.address[2:])
    return rails.Authorization(payer, to, MicroUsdc(250_000), 0, 2_000_000_000, TERMS.nonce(b"\7" * 32))


def domain_separator() -> bytes:
    kind = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    words = [kind, keccak(text="USDC"), keccak(text="2"), 84532, USDC]
    return keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], words))


@pytest.mark.parametrize(
    ("rail", "primary"),
    [("authorization", "ReceiveWithAuthorization"), ("x402", "TransferWithAuthorization")],
)
def test_authorization_digest_is_what_usdc_computes(chain: deployment.Deployment, rail: Any, primary: str) -> None:
    a = signed(chain.splitter_bytes)
    words = [bytes.fromhex(TYPEHASHES[primary]), a.payer, a.to, a.amount, a.valid_after, a.valid_before, a.nonce]
    types = ["bytes32", "address", "address", "uint256", "uint256", "uint256", "bytes32"]
    expected = keccak(b"\x19\x01" + domain_separator() + keccak(encode(types, words)))
    assert rails.digest(rails.authorization(chain, rail, a)) == expected


def test_permit_digest_is_what_usdc_computes(chain: deployment.Deployment) -> None:
    owner = bytes.fromhex(PAYER.address[2:])
    typed = rails.permit(chain, owner=owner, amount=MicroUsdc(250_000), nonce=4, deadline=2_000_000_000)
    words = [bytes.fromhex(TYPEHASHES["Permit"]), owner, chain.splitter_bytes, 250_000, 4, 2_000_000_000]
    types = ["bytes32", "address", "address", "uint256", "uint256", "uint256"]
    assert rails.digest(typed) == keccak(b"\x19\x01" + domain_separator() + keccak(encode(types, words)))


def test_typed_data_is_signed_alike_by_a_wallet(chain: deployment.Deployment) -> None:
    typed = rails.authorization(chain, "authorization", signed(chain.splitter_bytes))
    signature = PAYER.sign_typed_data(full_message=typed)
    assert bytes(signature.message_hash) == rails.digest(typed)


@pytest.mark.parametrize(
    ("contract", "data"),
    [
        ("FiatTokenV2_2", rails.approve(b"\1" * 20, MicroUsdc(1))),
        ("FiatTokenV2_2", rails.transfer(b"\1" * 20, MicroUsdc(1))),
        ("TipSplitter", rails.tip(TERMS, MicroUsdc(1))),
        ("TipSplitter", rails.flush(TERMS)),
        ("TipSplitter", rails.tip_x402(TERMS, signed(b"\1" * 20), signature=b"s")),
        ("TipSplitter", rails.tip_with_authorization(TERMS, signed(b"\1" * 20), salt=b"\7" * 32, signature=b"s")),
    ],
    ids=["approve", "transfer", "tip", "flush", "tipX402", "tipWithAuthorization"],
)
def test_calldata_is_of_a_function_that_the_contract_has(contract: Any, data: bytes) -> None:
    assert data[:4] in {_selector(entry) for entry in deployment.abi(contract) if entry["type"] == "function"}


def test_arguments_with_tuples_are_told_apart() -> None:
    data = calldata.call("deployVaults((bytes32,bytes32,bytes32)[])", [(b"\1" * 32, b"\2" * 32, b"\3" * 32)])
    assert len(data) == 4 + 32 * 5
    assert calldata.answer("address,uint8", encode(["address", "uint8"], [USDC, 1])) == (USDC.lower(), 1)


def _selector(entry: dict[str, Any]) -> bytes:
    return keccak(text=f"{entry['name']}({','.join(_type(i) for i in entry['inputs'])})")[:4]


def _type(parameter: dict[str, Any]) -> str:
    if not parameter["type"].startswith("tuple"):
        return str(parameter["type"])
    inner = ",".join(_type(component) for component in parameter["components"])
    return f"({inner}){parameter['type'].removeprefix('tuple')}"
