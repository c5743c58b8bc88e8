// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Rotations} from "./Rotations.t.sol";
import {Vm, vm} from "./Vm.sol";

contract RevokeTest is Rotations {
    // 7: by the wallet itself, or by the admin
    function test_theWalletReceivesNothingAnyMore() public {
        address[2] memory callers = [creatorWallet, admin];
        for (uint256 i = 0; i < 2; ++i) {
            uint256 before = vm.snapshotState();
            vm.recordLogs();
            _send(_revoke(callers[i]));
            Vm.Log memory log = _theLog(ITipSplitter.WalletRevoked.selector);
            vm.assertEq(log.topics[1], CREATOR, "account");
            vm.assertEq(log.topics[2], bytes32(uint256(uint160(creatorWallet))), "wallet");
            _assertWallet(CREATOR, creatorWallet, ITipSplitter.WalletStatus.Revoked);
            _tip(ITipSplitter.Rail.Approve);
            vm.assertEq(usdc.balanceOf(creatorWallet), 0, "paid");
            vm.assertEq(splitter.held(CREATOR, _expiry()), 200_000, "held");
            vm.revertToState(before);
        }
    }

    // 7
    function test_reverts_whenAnotherRevokes() public {
        address[4] memory others = [otherWallet, registrar, pauser, anyone];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(ITipSplitter.NotTheWallet.selector, others[i], creatorWallet);
            _assertReverts(_revoke(others[i]), reason);
        }
    }

    function test_reverts_whenThereIsNothingToRevoke() public {
        _send(_revoke(creatorWallet));
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NoVerifiedWallet.selector, CREATOR);
        _assertReverts(_revoke(creatorWallet), reason);
        reason = abi.encodeWithSelector(ITipSplitter.NoVerifiedWallet.selector, NOBODY);
        _assertReverts(Call(admin, abi.encodeCall(splitter.revoke, (NOBODY))), reason);
    }

    // 7: a stolen registrar key cannot redirect by registering anew what its owner revoked
    function test_theNextWalletWaitsLikeARotation() public {
        _send(_revoke(creatorWallet));
        vm.recordLogs();
        _register(CREATOR, OTHER_KEY);
        Vm.Log memory log = _theLog(ITipSplitter.WalletRotationStarted.selector);
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(creatorWallet))), "the last wallet is kept");
        _assertWallet(CREATOR, creatorWallet, ITipSplitter.WalletStatus.Revoked);
        uint64 readyAt = splitter.rotationOf(CREATOR).readyAt;
        vm.assertEq(readyAt, block.timestamp + 48 hours, "readyAt");
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationNotReady.selector, CREATOR, readyAt));
        vm.warp(readyAt);
        _send(_confirm());
        _assertWallet(CREATOR, otherWallet, ITipSplitter.WalletStatus.Active);
    }

    // 7: the same wallet too
    function test_theSameWalletWaitsToo() public {
        _send(_revoke(creatorWallet));
        _register(CREATOR, CREATOR_KEY);
        _assertWallet(CREATOR, creatorWallet, ITipSplitter.WalletStatus.Revoked);
        vm.warp(splitter.rotationOf(CREATOR).readyAt);
        _send(_confirm());
        _assertWallet(CREATOR, creatorWallet, ITipSplitter.WalletStatus.Active);
    }

    // 7: the revoked wallet may have been stolen: its signature shortens nothing
    function test_reverts_whenARevokedWalletCoSigns() public {
        _send(_revoke(creatorWallet));
        uint256 nonce = splitter.consentNonce(CREATOR);
        bytes memory consent = _signConsent(OTHER_KEY, CREATOR, otherWallet, nonce, FAR);
        bytes memory coSignature = _signRotation(CREATOR_KEY, CREATOR, otherWallet, nonce, FAR);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NoVerifiedWallet.selector, CREATOR);
        _assertReverts(_rotate(CREATOR, otherWallet, FAR, consent, coSignature), reason);
    }

    // 7: who revokes while a change is announced does not lose it
    function test_anAnnouncedRotationOutlivesTheRevocation() public {
        uint64 readyAt = _startRotation();
        _send(_revoke(creatorWallet));
        vm.warp(readyAt);
        _send(_confirm());
        _assertWallet(CREATOR, otherWallet, ITipSplitter.WalletStatus.Active);
    }

    // 7: nor its veto
    function test_theRevokedWalletMayStillVeto() public {
        uint64 readyAt = _startRotation();
        _send(_revoke(creatorWallet));
        _send(_cancel(creatorWallet));
        vm.warp(readyAt);
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationVetoed.selector, CREATOR));
    }

    function test_worksWhileFrozen() public {
        vm.prank(pauser);
        splitter.freezeRegistration();
        _send(_revoke(creatorWallet));
    }

    function _revoke(address sender) private view returns (Call memory) {
        return Call(sender, abi.encodeCall(splitter.revoke, (CREATOR)));
    }
}
