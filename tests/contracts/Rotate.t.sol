// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Rotations} from "./Rotations.t.sol";
import {Vm, vm} from "./Vm.sol";

contract RotateTest is Rotations {
    // 7: until then the old wallet is paid
    function test_waitsFortyEightHours() public {
        vm.recordLogs();
        uint64 readyAt = _startRotation();
        Vm.Log memory log = _theLog(ITipSplitter.WalletRotationStarted.selector);
        vm.assertEq(log.topics[1], CREATOR, "account");
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(creatorWallet))), "old wallet");
        vm.assertEq(log.topics[3], bytes32(uint256(uint160(otherWallet))), "new wallet");
        vm.assertEq(log.data, abi.encode(block.timestamp + 48 hours), "readyAt");

        vm.warp(readyAt - 1);
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationNotReady.selector, CREATOR, readyAt));
        _tip(ITipSplitter.Rail.Approve);
        vm.assertEq(usdc.balanceOf(creatorWallet), 200_000, "old wallet");
    }

    // 7: anyone may confirm
    function test_countsFromItsConfirmationOn() public {
        vm.warp(_startRotation());
        vm.recordLogs();
        _send(_confirm());
        Vm.Log memory log = _theLog(ITipSplitter.WalletSet.selector);
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(otherWallet))), "wallet");
        vm.assertEq(log.topics[3], bytes32(uint256(uint160(creatorWallet))), "previous");
        _assertWallet(CREATOR, otherWallet, ITipSplitter.WalletStatus.Active);
        vm.assertEq(splitter.rotationOf(CREATOR).wallet, address(0), "nothing pending");
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.NoRotation.selector, CREATOR));
    }

    // 7
    function test_isImmediateWhenTheOldWalletCoSigns() public {
        uint256 nonce = splitter.consentNonce(CREATOR);
        bytes memory consent = _signConsent(OTHER_KEY, CREATOR, otherWallet, nonce, FAR);
        bytes memory coSignature = _signRotation(CREATOR_KEY, CREATOR, otherWallet, nonce, FAR);
        vm.prank(registrar);
        splitter.rotate(CREATOR, otherWallet, FAR, consent, coSignature);
        _assertWallet(CREATOR, otherWallet, ITipSplitter.WalletStatus.Active);
    }

    // 7: a co-signed rotation ends what was announced before
    function test_aCoSignedRotationReplacesAnAnnouncedOne() public {
        uint64 readyAt = _startRotation();
        uint256 nonce = splitter.consentNonce(CREATOR);
        bytes memory consent = _signConsent(AGENT_KEY, CREATOR, agentWallet, nonce, FAR);
        bytes memory coSignature = _signRotation(CREATOR_KEY, CREATOR, agentWallet, nonce, FAR);
        vm.prank(registrar);
        splitter.rotate(CREATOR, agentWallet, FAR, consent, coSignature);
        vm.warp(readyAt);
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.NoRotation.selector, CREATOR));
    }

    // 7
    function test_reverts_whenTheCoSignatureIsForSomethingElse() public {
        uint256 nonce = splitter.consentNonce(CREATOR);
        bytes memory consent = _signConsent(OTHER_KEY, CREATOR, otherWallet, nonce, FAR);
        bytes[7] memory coSignatures = [
            _signRotation(OTHER_KEY, CREATOR, otherWallet, nonce, FAR),
            _signRotation(CREATOR_KEY, AGENT, otherWallet, nonce, FAR),
            _signRotation(CREATOR_KEY, CREATOR, agentWallet, nonce, FAR),
            _signRotation(CREATOR_KEY, CREATOR, otherWallet, nonce + 1, FAR),
            _signRotation(CREATOR_KEY, CREATOR, otherWallet, nonce, FAR - 1),
            _signConsent(CREATOR_KEY, CREATOR, otherWallet, nonce, FAR),
            bytes(hex"00")
        ];
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, creatorWallet);
        for (uint256 i = 0; i < coSignatures.length; ++i) {
            _assertReverts(_rotate(CREATOR, otherWallet, FAR, consent, coSignatures[i]), reason);
        }
    }

    // 7
    function test_reverts_whenTheNewWalletDidNotConsent() public {
        uint256 nonce = splitter.consentNonce(CREATOR);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, otherWallet);
        bytes memory consent = _signConsent(CREATOR_KEY, CREATOR, otherWallet, nonce, FAR);
        _assertReverts(_rotate(CREATOR, otherWallet, FAR, consent, ""), reason);
        bytes memory coSignature = _signRotation(CREATOR_KEY, CREATOR, otherWallet, nonce, FAR);
        _assertReverts(_rotate(CREATOR, otherWallet, FAR, consent, coSignature), reason);
    }

    // 7
    function test_reverts_whenTheConsentIsReplayed() public {
        uint256 nonce = splitter.consentNonce(CREATOR);
        bytes memory consent = _signConsent(OTHER_KEY, CREATOR, otherWallet, nonce, FAR);
        _send(_rotate(CREATOR, otherWallet, FAR, consent, ""));
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, otherWallet);
        _assertReverts(_rotate(CREATOR, otherWallet, FAR, consent, ""), reason);
    }

    // 7
    function test_reverts_whenTheConsentHasExpired() public {
        uint256 deadline = block.timestamp;
        bytes memory consent = _signConsent(OTHER_KEY, CREATOR, otherWallet, splitter.consentNonce(CREATOR), deadline);
        vm.warp(deadline + 1);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.ConsentExpired.selector, deadline, deadline + 1);
        _assertReverts(_rotate(CREATOR, otherWallet, deadline, consent, ""), reason);
    }

    // 7
    function test_reverts_whenThereIsNoWalletToRotate() public {
        bytes memory consent = _signConsent(OTHER_KEY, NOBODY, otherWallet, 0, FAR);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NoVerifiedWallet.selector, NOBODY);
        _assertReverts(_rotate(NOBODY, otherWallet, FAR, consent, ""), reason);
    }

    // 7
    function test_reverts_whenTheWalletIsTheSame() public {
        bytes memory consent = _signConsent(CREATOR_KEY, CREATOR, creatorWallet, splitter.consentNonce(CREATOR), FAR);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.WalletAlreadySet.selector, CREATOR, creatorWallet);
        _assertReverts(_rotate(CREATOR, creatorWallet, FAR, consent, ""), reason);
    }

    // 7
    function test_reverts_whenTheWalletWouldLoseTheMoney() public {
        address[3] memory wallets = [address(0), address(splitter), address(usdc)];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWallet.selector, wallets[i]);
            _assertReverts(_rotate(CREATOR, wallets[i], FAR, "", ""), reason);
        }
    }

    // 7: announcing again waits anew
    function test_anotherAnnouncementReplacesTheFirstAndWaitsAnew() public {
        uint64 first = _startRotation();
        vm.warp(first - 1);
        uint64 second = _startRotation(CREATOR, AGENT_KEY);
        vm.assertEq(second, first - 1 + 48 hours, "second");
        vm.warp(first);
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationNotReady.selector, CREATOR, second));
        vm.warp(second);
        _send(_confirm());
        _assertWallet(CREATOR, agentWallet, ITipSplitter.WalletStatus.Active);
    }

    // 5, 7: a bucket goes to the wallet of the moment
    function test_claimsFollowTheWallet() public {
        _blacklist(creatorWallet);
        uint64 expiry = _expiry();
        _tip(ITipSplitter.Rail.Approve);
        vm.warp(_startRotation());
        _send(_confirm());
        splitter.claim(CREATOR, _one(expiry));
        vm.assertEq(usdc.balanceOf(otherWallet), 200_000, "new wallet");
    }

    // 7: the readyAt itself is enough
    function testFuzz_noInstantBeforeFortyEightHours(uint64 elapsed) public {
        uint64 readyAt = _startRotation();
        vm.warp(block.timestamp + elapsed % 4 days);
        (bool ok,) = _try(_confirm());
        vm.assertTrue(ok == (block.timestamp >= readyAt), "48 hours");
    }
}
