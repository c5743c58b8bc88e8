// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC7821} from "@openzeppelin/contracts/account/extensions/draft-ERC7821.sol";
import {Execution} from "@openzeppelin/contracts/interfaces/draft-IERC7579.sol";

import {KeyDelegate, MuteDelegate, NestedDelegate} from "./Delegates.sol";
import {vm} from "./Vm.sol";
import {WalletIsPaid} from "./WalletIsPaid.t.sol";
import {WalletKind} from "./WalletKind.t.sol";
import {WalletPaysByCall} from "./WalletPaysByCall.t.sol";
import {WalletPaysBySignature} from "./WalletPaysBySignature.t.sol";

/// @title EIP-7702: an account of a key that delegates to code
abstract contract Delegated is WalletKind {
    uint256 internal constant KEY = 0x7702;

    function _make() internal override returns (address made) {
        made = vm.addr(KEY);
        address code = _delegate();
        _delegateTo(code);
        vm.assertEq(made.code, abi.encodePacked(hex"ef0100", code), "delegated");
    }

    function _delegate() internal virtual returns (address);

    /// @dev By a transaction of the account's; to nobody, that ends it.
    function _delegateTo(address code) internal {
        vm.signAndAttachDelegation(code, KEY);
        (bool ok,) = vm.addr(KEY + 1).call("");
        vm.assertTrue(ok, "delegating");
    }

    function _word(bytes32 digest) internal view virtual override returns (bytes memory) {
        return _keySigns(KEY, digest);
    }

    /// @dev An ordinary transaction of its key's.
    function _act(address target, bytes memory data) internal override {
        vm.prank(wallet);
        (bool ok, bytes memory answer) = target.call(data);
        _forward(ok, answer);
    }

    // 1, 2: why people delegate
    function test_approvesAndTipsInOneTransaction() public {
        Execution[] memory batch = new Execution[](2);
        batch[0] = Execution(address(usdc), 0, abi.encodeCall(usdc.approve, (address(splitter), AMOUNT)));
        batch[1] = Execution(address(splitter), 0, _tipData());
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        bytes32 mode = bytes32(uint256(1) << 248); // a batch, and all of it or nothing
        _act(wallet, abi.encodeCall(ERC7821.execute, (mode, abi.encode(batch))));
        _assertPaid(before, had);
    }

    // 7: the registry asks the key first, whatever the code says
    function test_registersByItsPlainKey() public {
        _send(_registerCall(_keySigns(KEY, _consentDigest(OWN, wallet, 0))));
        _assertWallet(OWN, wallet);
    }
}

/// @title Its code accepts what its key signed
contract WalletDelegatedTest is Delegated, WalletIsPaid, WalletPaysByCall, WalletPaysBySignature {
    function _delegate() internal override returns (address) {
        return address(new KeyDelegate());
    }
}

/// @title Its code accepts only what was signed for this account (ERC-7739)
contract WalletDelegatedNestedTest is Delegated, WalletIsPaid, WalletPaysByCall, WalletPaysBySignature {
    string private constant RECEIVE_TYPE =
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
    bytes32 private constant PERSONAL_SIGN_TYPEHASH = keccak256("PersonalSign(bytes prefixed)");

    function _delegate() internal override returns (address) {
        return address(new NestedDelegate());
    }

    function _word(bytes32 digest) internal view override(Delegated, WalletKind) returns (bytes memory) {
        bytes32 domain =
            keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("NestedDelegate"), keccak256("1"), block.chainid, wallet));
        return _keySigns(KEY, _digest(domain, keccak256(abi.encode(PERSONAL_SIGN_TYPEHASH, digest))));
    }

    // 1, 2, 11: and as its software shows it to people: the authorization itself, nested in what the account signs
    function test_paysByItsNestedTypedData() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        bytes32 salt = _salt();
        bytes32 nonce = splitter.termsNonce(CREATOR, AGENT, REF, salt);
        Authorization memory a = Authorization(wallet, address(splitter), AMOUNT, 0, FAR, nonce);
        bytes32 contents = keccak256(abi.encode(RECEIVE_TYPEHASH, a));
        _send(_authorizationCall(salt, _nested(usdc.DOMAIN_SEPARATOR(), contents)));
        _assertPaid(before, had);
    }

    /// @dev ERC-7739's TypedDataSign.
    function _nested(bytes32 appDomain, bytes32 contents) private view returns (bytes memory) {
        bytes32 typehash = keccak256(
            abi.encodePacked(
                "TypedDataSign(ReceiveWithAuthorization contents,",
                "string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)",
                RECEIVE_TYPE
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                typehash, contents, keccak256("NestedDelegate"), keccak256("1"), block.chainid, wallet, bytes32(0)
            )
        );
        bytes memory signature = _keySigns(KEY, _digest(appDomain, message));
        return abi.encodePacked(signature, appDomain, contents, RECEIVE_TYPE, uint16(bytes(RECEIVE_TYPE).length));
    }

    // 3, 11: USDC asks the code and never the key
    function test_reverts_whenItsKeySignsATipPlainly() public {
        bytes32 salt = _salt();
        _assertNoSignaturePays(_keySigns(KEY, _permitDigest()), _keySigns(KEY, _receiveDigest(salt)), salt);
        Authorization memory a = _toTheVault();
        _assertNoX402Pays(a, _keySigns(KEY, _transferDigest(a)));
    }
}

/// @title Its code knows nothing of signatures
contract WalletDelegatedMuteTest is Delegated, WalletIsPaid, WalletPaysByCall {
    function _delegate() internal override returns (address) {
        return address(new MuteDelegate());
    }

    // 3, 11: USDC asks the code and never the key
    function test_reverts_whenItsKeySignsATip() public {
        bytes32 salt = _salt();
        _assertNoSignaturePays(_keySigns(KEY, _permitDigest()), _keySigns(KEY, _receiveDigest(salt)), salt);
        Authorization memory a = _toTheVault();
        _assertNoX402Pays(a, _keySigns(KEY, _transferDigest(a)));
    }

    // 1, 2, 11: what its key signed counts as soon as the delegation has ended
    function test_paysByItsKeyOnceItDelegatesNoMore() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        bytes32 salt = _salt();
        Call memory c = _authorizationCall(salt, _keySigns(KEY, _receiveDigest(salt)));
        _assertUsdcRefuses(c, NOT_SIGNED);
        _delegateTo(address(0));
        vm.assertEq(wallet.code.length, 0, "delegates no more");
        _send(c);
        _assertPaid(before, had);
    }
}
