// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {vm} from "./Vm.sol";
import {WalletKind} from "./WalletKind.t.sol";

/// @title What a wallet of any kind that can sign does as a recipient
abstract contract WalletIsPaid is WalletKind {
    // 1, 2, 7: as a creator's wallet and as an agent's
    function test_isPaidByEveryRail() public {
        _registerOwn();
        for (uint8 rail = 0; rail < 5; ++rail) {
            uint256 before = usdc.balanceOf(wallet);
            _send(_prepare(ITipSplitter.Rail(rail), OWN, AGENT, AMOUNT));
            vm.assertEq(usdc.balanceOf(wallet) - before, 200_000, "creator");
            _send(_prepare(ITipSplitter.Rail(rail), CREATOR, OWN, AMOUNT));
            vm.assertEq(usdc.balanceOf(wallet) - before, 202_500, "agent");
        }
        vm.assertEq(splitter.totalHeld(), 0, "nothing held");
    }

    // 7
    function test_reverts_whenAnotherConsents() public {
        bytes memory wrong = _keySigns(OTHER_KEY, _consentDigest(OWN, wallet, 0));
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, wallet);
        _assertReverts(_registerCall(wrong), reason);
        _assertReverts(_registerCall(""), reason);
    }

    // 7: its consent and the old wallet's signature
    function test_takesAnothersPlaceAtOnce() public {
        uint256 nonce = splitter.consentNonce(CREATOR);
        bytes memory consent = _consent(CREATOR);
        bytes memory old = _signRotation(CREATOR_KEY, CREATOR, wallet, nonce, FAR);
        _send(Call(registrar, abi.encodeCall(splitter.rotate, (CREATOR, wallet, FAR, consent, old))));
        _assertWallet(CREATOR, wallet);
    }

    // 7
    function test_coSignsItsReplacement() public {
        _registerOwn();
        uint256 nonce = splitter.consentNonce(OWN);
        bytes memory consent = _signConsent(OTHER_KEY, OWN, otherWallet, nonce, FAR);
        bytes memory wrong = _keySigns(AGENT_KEY, _consentDigest(OWN, otherWallet, nonce));
        _assertReverts(
            Call(registrar, abi.encodeCall(splitter.rotate, (OWN, otherWallet, FAR, consent, wrong))),
            abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, wallet)
        );
        bytes memory own = _coSignature(otherWallet);
        _send(Call(registrar, abi.encodeCall(splitter.rotate, (OWN, otherWallet, FAR, consent, own))));
        _assertWallet(OWN, otherWallet);
    }

    // 7
    function test_vetoesAChange() public {
        _registerOwn();
        bytes memory consent = _signConsent(OTHER_KEY, OWN, otherWallet, splitter.consentNonce(OWN), FAR);
        _send(Call(registrar, abi.encodeCall(splitter.rotate, (OWN, otherWallet, FAR, consent, ""))));
        _act(address(splitter), abi.encodeCall(splitter.cancelRotation, (OWN)));
        vm.warp(block.timestamp + 48 hours);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.RotationVetoed.selector, OWN);
        _assertReverts(Call(anyone, abi.encodeCall(splitter.confirmRotation, (OWN))), reason);
        _assertWallet(OWN, wallet);
    }

    // 7
    function test_revokesItself() public {
        _registerOwn();
        _act(address(splitter), abi.encodeCall(splitter.revoke, (OWN)));
        uint256 before = usdc.balanceOf(wallet);
        _tip(OWN, AGENT);
        vm.assertEq(usdc.balanceOf(wallet), before, "paid");
        vm.assertEq(splitter.held(OWN, _expiry()), 200_000, "held");
    }

    // 5: by anybody, and by itself
    function test_claimsWhatWasHeld() public {
        uint64 first = _expiry();
        _tip(OWN, AGENT);
        vm.warp(block.timestamp + 1);
        _tip(OWN, AGENT);
        _registerOwn();
        uint256 before = usdc.balanceOf(wallet);
        _send(Call(anyone, abi.encodeCall(splitter.claim, (OWN, _one(first)))));
        vm.assertEq(usdc.balanceOf(wallet) - before, 200_000, "by anybody");
        _act(address(splitter), abi.encodeCall(splitter.claim, (OWN, _one(first + 1))));
        vm.assertEq(usdc.balanceOf(wallet) - before, 400_000, "by itself");
        vm.assertEq(splitter.totalHeld(), 0, "total");
    }
}
