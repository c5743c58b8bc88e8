// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Safes} from "./Safes.t.sol";
import {vm} from "./Vm.sol";

/// @title ERC-6492: a Safe that has an address, money and owners who sign, but no code yet
/// @dev Once it is deployed it is an ERC-1271 wallet like any other (`WalletSafeTest`).
contract WalletCounterfactualTest is Safes {
    function _make() internal override returns (address) {
        _installSafe();
        return _addressOfSafe();
    }

    // 3, 11: USDC knows no ERC-6492: neither wrapped nor bare
    function test_reverts_whenItSignsATipBeforeItExists() public {
        bytes32 salt = _salt();
        bytes memory permit = _word(_permitDigest());
        bytes memory receive_ = _word(_receiveDigest(salt));
        _assertUsdcRefuses(_authorizationCall(salt, receive_), "ECRecover: invalid signature length");
        _assertUsdcRefuses(_authorizationCall(salt, _wrapped(receive_)), "ECRecover: invalid signature length");
        Authorization memory a = _toTheVault();
        bytes memory transfer = _word(_transferDigest(a));
        _assertUsdcRefuses(_x402Call(CREATOR, AGENT, a, transfer), "ECRecover: invalid signature length");
        _assertUsdcRefuses(_x402Call(CREATOR, AGENT, a, _wrapped(transfer)), "ECRecover: invalid signature length");
        vm.expectRevert();
        usdc.permit(wallet, address(splitter), AMOUNT, FAR, permit);
        vm.expectRevert();
        usdc.permit(wallet, address(splitter), AMOUNT, FAR, _wrapped(permit));
    }

    // 1, 2, 11: what it signed before counts once it is deployed
    function test_paysByAuthorizationSignedBeforeItExisted() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        bytes32 salt = _salt();
        Call memory c = _authorizationCall(salt, _word(_receiveDigest(salt)));
        _deployWallet();
        _send(c);
        _assertPaid(before, had);
    }

    // 1, 2, 8, 11
    function test_paysByX402SignedBeforeItExisted() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        Authorization memory a = _toTheVault();
        Call memory c = _x402Call(CREATOR, AGENT, a, _word(_transferDigest(a)));
        _deployWallet();
        _send(c);
        _assertPaid(before, had);
    }

    // 1, 2, 11
    function test_paysByPermitSignedBeforeItExisted() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        bytes memory permit = _word(_permitDigest());
        _deployWallet();
        _act(address(splitter), _permitData(permit));
        _assertPaid(before, had);
    }

    // 1, 2, 8: until then it cannot call; what arrived at its address waits for it
    function test_paysByCallOnceItExists() public {
        vm.assertEq(wallet.code.length, 0, "not yet");
        _deployWallet();
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        _act(address(usdc), abi.encodeCall(usdc.approve, (address(splitter), AMOUNT)));
        _act(address(splitter), _tipData());
        _assertPaid(before, had);
        (before, had) = (_books(), usdc.balanceOf(wallet));
        _act(address(usdc), abi.encodeCall(usdc.transfer, (_vaultOf(CREATOR, AGENT), AMOUNT)));
        _send(Call(anyone, abi.encodeCall(splitter.flush, (CREATOR, AGENT, REF))));
        _assertPaid(before, had);
    }

    // 3, 11: the wrapper must be taken off even then
    function test_reverts_whenTheSignatureIsStillWrapped() public {
        _deployWallet();
        bytes32 salt = _salt();
        bytes memory receive_ = _word(_receiveDigest(salt));
        _assertUsdcRefuses(_authorizationCall(salt, _wrapped(receive_)), NOT_SIGNED);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, wallet);
        _assertReverts(_registerCall(_wrapped(_consent(OWN))), reason);
    }

    // 7: nothing is sent to an address that nobody has shown to be able to answer
    function test_reverts_whenItConsentsBeforeItExists() public {
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, wallet);
        _assertReverts(_registerCall(_consent(OWN)), reason);
        _assertReverts(_registerCall(_wrapped(_consent(OWN))), reason);
        bytes memory consent = _consent(CREATOR);
        bytes memory old = _signRotation(CREATOR_KEY, CREATOR, wallet, splitter.consentNonce(CREATOR), FAR);
        Call memory rotation = Call(registrar, abi.encodeCall(splitter.rotate, (CREATOR, wallet, FAR, consent, old)));
        _assertReverts(rotation, reason);
    }

    // 5, 7: until then its account's share is held; the consent given before counts, and the share is claimed
    function test_isPaidWhatWasHeldOnceItExists() public {
        uint64 expiry = _expiry();
        Call memory registration = _registerCall(_consent(OWN));
        _tip(OWN, AGENT);
        vm.assertEq(splitter.held(OWN, expiry), 200_000, "held");
        _deployWallet();
        _send(registration);
        uint256 before = usdc.balanceOf(wallet);
        _send(Call(anyone, abi.encodeCall(splitter.claim, (OWN, _one(expiry)))));
        vm.assertEq(usdc.balanceOf(wallet) - before, 200_000, "claimed");
    }

    /// @dev ERC-6492: who makes it, with what, and what it will then accept.
    function _wrapped(bytes memory signature) private view returns (bytes memory) {
        bytes32 suffix = 0x6492649264926492649264926492649264926492649264926492649264926492;
        return bytes.concat(abi.encode(factory, _deployment(), signature), suffix);
    }

    function _deployWallet() private {
        (bool ok, bytes memory answer) = address(factory).call(_deployment());
        _forward(ok, answer);
    }
}
