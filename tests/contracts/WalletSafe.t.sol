// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {ISafe, Safes} from "./Safes.t.sol";
import {vm} from "./Vm.sol";
import {WalletIsPaid} from "./WalletIsPaid.t.sol";
import {WalletPaysByCall} from "./WalletPaysByCall.t.sol";
import {WalletPaysBySignature} from "./WalletPaysBySignature.t.sol";

/// @title ERC-1271: a Safe of two owners, deployed
contract WalletSafeTest is Safes, WalletIsPaid, WalletPaysByCall, WalletPaysBySignature {
    function _make() internal override returns (address made) {
        _installSafe();
        (bool ok, bytes memory answer) = address(factory).call(_deployment());
        _forward(ok, answer);
        made = abi.decode(answer, (address));
        vm.assertEq(made, _addressOfSafe(), "where it was expected");
    }

    // 3, 7, 11: owners who sign the digest itself and not the Safe's message of it, or one owner of the two
    function test_reverts_whenItsOwnersSignForThemselves() public {
        bytes32 salt = _salt();
        _assertNoSignaturePays(_ownersSign(_permitDigest()), _ownersSign(_receiveDigest(salt)), salt);
        bytes memory half = _keySigns(FIRST_OWNER, _safeMessage(_receiveDigest(salt)));
        _assertUsdcRefuses(_authorizationCall(salt, half), NOT_SIGNED);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, wallet);
        _assertReverts(_registerCall(_ownersSign(_consentDigest(OWN, wallet, 0))), reason);
    }

    // 7: owners who approve on-chain have their addresses for signatures; they count, also to co-sign
    function test_coSignsByApprovalsOnChain() public {
        _registerOwn();
        uint256 nonce = splitter.consentNonce(OWN);
        bytes memory consent = _signConsent(OTHER_KEY, OWN, otherWallet, nonce, FAR);
        bytes32 message = keccak256(abi.encode(ROTATION_TYPEHASH, OWN, wallet, otherWallet, nonce, FAR));
        bytes32 hash = _safeMessage(_digest(_splitterDomain(), message));
        bytes memory approvals;
        address[2] memory owners = [vm.addr(FIRST_OWNER), vm.addr(SECOND_OWNER)];
        if (owners[0] > owners[1]) (owners[0], owners[1]) = (owners[1], owners[0]);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(owners[i]);
            ISafe(wallet).approveHash(hash);
            approvals = abi.encodePacked(approvals, bytes32(uint256(uint160(owners[i]))), bytes32(0), uint8(1));
        }
        _send(Call(registrar, abi.encodeCall(splitter.rotate, (OWN, otherWallet, FAR, consent, approvals))));
        _assertWallet(OWN, otherWallet);
    }

    // 7, 11: what it signed on-chain needs no signature beside it
    function test_itsWordOnChainNeedsNoSignature() public {
        _assertReverts(_registerCall(""), abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, wallet));
        _signOnChain(_consentDigest(OWN, wallet, splitter.consentNonce(OWN)));
        _send(_registerCall(""));
        _assertWallet(OWN, wallet);
        bytes32 salt = _salt();
        _assertUsdcRefuses(_authorizationCall(salt, ""), NOT_SIGNED);
        _signOnChain(_receiveDigest(salt));
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        _send(_authorizationCall(salt, ""));
        _assertPaid(before, had);
    }

    // 7: but an empty signature is no co-signature, whatever was signed on-chain
    function test_anEmptyCoSignatureWaitsFortyEightHours() public {
        _registerOwn();
        uint256 nonce = splitter.consentNonce(OWN);
        bytes32 message = keccak256(abi.encode(ROTATION_TYPEHASH, OWN, wallet, otherWallet, nonce, FAR));
        _signOnChain(_digest(_splitterDomain(), message));
        bytes memory consent = _signConsent(OTHER_KEY, OWN, otherWallet, nonce, FAR);
        _send(Call(registrar, abi.encodeCall(splitter.rotate, (OWN, otherWallet, FAR, consent, ""))));
        _assertWallet(OWN, wallet);
        vm.assertEq(splitter.rotationOf(OWN).readyAt, block.timestamp + 48 hours, "readyAt");
    }
}
