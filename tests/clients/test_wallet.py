"""Signatures against EIP-712 worked by hand, and where keys come from."""

import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak

from molt import problems, splitter, typed_data, wallet
from molt.chain import Rpc

CHAIN = splitter.Deployment(
    chain_id=84532,
    usdc="0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    usdc_domain={"name": "USDC", "version": "2"},
    splitter="0x00000000000000000000000000000000000000Aa",
    splitter_domain={"name": "Molt Studios", "version": "1"},
)
VAULT = "0x00000000000000000000000000000000000000bB"
TERMS = splitter.Terms(creator=b"\x01" * 32, agent=b"\x02" * 32, ref=b"\x03" * 32)
PAYER = wallet.dev(7)


@pytest.fixture(autouse=True)
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (wallet.KEY_VARIABLE, wallet.KEYSTORE_VARIABLE, wallet.PASSWORD_FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def separator(name: str, version: str, contract: str) -> bytes:
    kind = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    values = [kind, keccak(text=name), keccak(text=version), 84532, contract]
    return keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], values))


def digest(domain: bytes, kind: str, types: list[str], values: list[Any]) -> bytes:
    return keccak(b"\x19\x01" + domain + keccak(encode(["bytes32", *types], [keccak(text=kind), *values])))


USDC = separator("USDC", "2", CHAIN.usdc)
AUTHORIZATION = "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
AUTHORIZATION_TYPES = ["address", "address", "uint256", "uint256", "uint256", "bytes32"]


def signer_of(digest_: bytes, signature: bytes) -> str:
    return str(Account._recover_hash(digest_, signature=signature))


def test_a_permit_signs_exactly_the_amount_for_the_splitter() -> None:
    typed = typed_data.permit(CHAIN, owner=PAYER.address, amount=250_000, nonce=4, deadline=99)
    kind = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    values = [PAYER.address, CHAIN.splitter, 250_000, 4, 99]
    expected = digest(USDC, kind, ["address", "address", "uint256", "uint256", "uint256"], values)
    assert signer_of(expected, PAYER.sign(typed)) == PAYER.address


def test_a_gasless_tip_signs_a_nonce_made_of_its_terms() -> None:
    salt = b"\x07" * 32
    typed = typed_data.receive_authorization(
        CHAIN, payer=PAYER.address, amount=250_000, terms=TERMS, salt=salt, valid_before=99
    )
    type_hash = keccak(text="TipTerms(bytes32 creatorId,bytes32 agentId,bytes32 ref,bytes32 salt)")
    nonce = keccak(type_hash + TERMS.creator + TERMS.agent + TERMS.ref + salt)
    values = [PAYER.address, CHAIN.splitter, 250_000, 0, 99, nonce]
    expected = digest(USDC, "ReceiveWithAuthorization" + AUTHORIZATION, AUTHORIZATION_TYPES, values)
    assert signer_of(expected, PAYER.sign(typed)) == PAYER.address


def test_an_x402_payment_signs_a_transfer_to_the_vault() -> None:
    typed = typed_data.transfer_authorization(
        CHAIN, payer=PAYER.address, vault=VAULT, amount=1, valid_before=99, nonce=b"\x09" * 32
    )
    values = [PAYER.address, VAULT, 1, 0, 99, b"\x09" * 32]
    expected = digest(USDC, "TransferWithAuthorization" + AUTHORIZATION, AUTHORIZATION_TYPES, values)
    assert signer_of(expected, PAYER.sign(typed)) == PAYER.address


def test_a_wallets_consent_is_signed_under_the_splitters_domain() -> None:
    consent = typed_data.Consent(account=b"\x05" * 32, wallet=PAYER.address, nonce=0, deadline=99)
    typed = typed_data.wallet_consent(CHAIN, consent)
    kind = "WalletConsent(bytes32 accountId,address wallet,uint256 nonce,uint256 deadline)"
    values = [b"\x05" * 32, PAYER.address, 0, 99]
    domain = separator("Molt Studios", "1", CHAIN.splitter)
    expected = digest(domain, kind, ["bytes32", "address", "uint256", "uint256"], values)
    assert signer_of(expected, PAYER.sign(typed)) == PAYER.address


def test_a_message_is_signed_as_personal_sign_does() -> None:
    signature = PAYER.sign_message("hello")
    assert Account.recover_message(encode_defunct(text="hello"), signature=signature) == PAYER.address


def test_the_dev_accounts_are_anvils() -> None:
    assert wallet.dev(0).address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert PAYER.address == "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955"


def test_a_uuid_is_padded_on_the_left() -> None:
    padded = splitter.account_id("00112233-4455-6677-8899-aabbccddeeff")
    assert padded.hex() == "0" * 32 + "00112233445566778899aabbccddeeff"


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(wallet.KEY_VARIABLE, PAYER.account.key.hex())
    assert wallet.load().address == PAYER.address


def test_a_key_file_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(wallet.KEY_VARIABLE, PAYER.account.key.hex())
    other = wallet.fresh()
    path = tmp_path / "key"
    path.write_text("0x" + other.account.key.hex().removeprefix("0x") + "\n")
    assert wallet.load(key_file=path).address == other.address


def test_a_keystore_is_made_for_its_owner_alone_and_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    made = wallet.create_keystore(path, "open sesame")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made.account.key.hex().removeprefix("0x") not in path.read_text()
    assert wallet.load(keystore=path, ask_password=lambda _: "open sesame").address == made.address
    with pytest.raises(problems.BadSetting, match="does not open"):
        wallet.load(keystore=path, ask_password=lambda _: "wrong")
    with pytest.raises(problems.BadSetting, match="cannot be created"):
        wallet.create_keystore(path, "again")


def test_a_wrong_key_is_not_repeated_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(wallet.KEY_VARIABLE, "0xnot-a-key-but-secret")
    with pytest.raises(problems.BadSetting) as caught:
        wallet.load()
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_a_key_it_says_how_to_give_one() -> None:
    with pytest.raises(problems.NoCredentials) as caught:
        wallet.load()
    assert wallet.KEY_VARIABLE in (caught.value.hint or "")


def test_a_wallet_does_not_show_its_key() -> None:
    assert PAYER.account.key.hex().removeprefix("0x") not in repr(PAYER)


def a_node(**answers: Any) -> Rpc:
    """A node that gives these results by method; an `Exception` is raised, a dict with `error` is an error answer."""
    known = {
        "eth_estimateGas": "0x10000",
        "eth_maxPriorityFeePerGas": "0x1",
        "eth_getBlockByNumber": {"number": "0x1", "timestamp": "0x1", "baseFeePerGas": "0x1"},
        "eth_getBalance": hex(10**18),
        "eth_chainId": "0x14a34",
        "eth_getTransactionCount": "0x0",
        "eth_getTransactionReceipt": {
            "transactionHash": "0x" + "ab" * 32,
            "blockNumber": "0x2",
            "status": "0x1",
            "gasUsed": "0x5208",
            "logs": [],
        },
    } | answers

    def handle(request: httpx.Request) -> httpx.Response:
        answer = known[json.loads(request.content)["method"]]
        if isinstance(answer, Exception):
            raise answer
        body = answer if isinstance(answer, dict) and "error" in answer else {"result": answer}
        return httpx.Response(200, json=body)

    return Rpc("http://node", transport=httpx.MockTransport(handle))


def refused(message: str, data: str = "0x") -> Any:
    return {"error": {"code": 3, "message": message, "data": data}}


def send(node: Rpc) -> Any:
    return PAYER.send(node, to=CHAIN.splitter, data="0x")


def test_a_transaction_is_sent_and_its_receipt_answered() -> None:
    assert send(a_node(eth_sendRawTransaction="0x" + "ab" * 32)).succeeded


def test_a_node_that_stops_answering_while_it_is_sent_to_leaves_the_outcome_unknown() -> None:
    with pytest.raises(problems.OutcomeUnknown, match="0x") as caught:
        send(a_node(eth_sendRawTransaction=httpx.ReadTimeout("timed out")))
    assert caught.value.exit_code == 10


def test_a_node_that_knows_it_already_has_it() -> None:
    assert send(a_node(eth_sendRawTransaction=refused("already known"))).succeeded


def test_what_would_revert_is_refused_by_name_before_anything_is_sent() -> None:
    below = keccak(text="TipBelowMinimum(uint256,uint256)")[:4] + encode(["uint256", "uint256"], [1, 100_000])
    node = a_node(
        eth_estimateGas=refused("execution reverted", "0x" + below.hex()), eth_sendRawTransaction=AssertionError()
    )
    with pytest.raises(problems.ChainRefused, match=r"TipBelowMinimum\(1, 100000\)") as caught:
        send(node)
    assert caught.value.error_name == "TipBelowMinimum"


def test_usdcs_words_become_what_a_payer_can_act_on() -> None:
    reason = keccak(text="Error(string)")[:4] + encode(["string"], ["ERC20: transfer amount exceeds balance"])
    with pytest.raises(problems.InsufficientFunds):
        send(a_node(eth_estimateGas=refused("execution reverted", "0x" + reason.hex())))


def test_no_gas_is_said_before_anything_is_sent() -> None:
    with pytest.raises(problems.InsufficientFunds, match="gas"):
        send(a_node(eth_getBalance="0x0", eth_sendRawTransaction=AssertionError()))


def test_a_reverted_receipt_is_a_refusal() -> None:
    receipt = {"transactionHash": "0xab", "blockNumber": "0x2", "status": "0x0", "gasUsed": "0x1", "logs": []}
    with pytest.raises(problems.ChainRefused, match="reverted"):
        send(a_node(eth_sendRawTransaction="0xab", eth_getTransactionReceipt=receipt))
