"""Signatures against EIP-712 worked by hand, and where keys come from."""

import stat
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak

from molt import problems, splitter, typed_data, wallet

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
