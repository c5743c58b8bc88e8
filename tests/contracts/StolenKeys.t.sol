// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Rotations} from "./Rotations.t.sol";
import {vm} from "./Vm.sol";

/// @dev The table of docs/security.md: what a thief can do with each key, and where it ends. `OTHER_KEY` is the thief's wallet.
contract StolenKeysTest is Rotations {
    address private constant thief = address(0xBAD);

    // 7, 10: it takes what waits for accounts without a wallet; of all others it can only announce a change
    function test_theRegistrars() public {
        uint64 expiry = _expiry();
        _tip(NOBODY, AGENT);
        _register(NOBODY, OTHER_KEY);
        splitter.claim(NOBODY, _one(expiry));
        vm.assertEq(usdc.balanceOf(otherWallet), 200_000, "what nobody had a wallet for");

        uint64 readyAt = _startRotation(CREATOR, OTHER_KEY);
        vm.warp(readyAt - 1);
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationNotReady.selector, CREATOR, readyAt));
        _send(_cancel(creatorWallet));
        vm.warp(readyAt);
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationVetoed.selector, CREATOR));
        _assertWallet(CREATOR, creatorWallet, ITipSplitter.WalletStatus.Active);

        vm.prank(pauser);
        splitter.freezeRegistration();
        bytes memory consent = _signConsent(OTHER_KEY, NO_AGENT, otherWallet, 0, FAR);
        Call memory c = Call(registrar, abi.encodeCall(splitter.register, (NO_AGENT, otherWallet, FAR, consent)));
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.RegistrationIsFrozen.selector));
    }

    // 9, 10: it stops new tips and registration; what is owed is paid all the same
    function test_thePausers() public {
        uint64 expiry = _expiry();
        _tip(NOBODY, NO_AGENT);
        _register(NOBODY, OTHER_KEY);
        vm.startPrank(pauser);
        splitter.pause();
        splitter.freezeRegistration();
        vm.stopPrank();
        splitter.claim(NOBODY, _one(expiry));
        _tip(ITipSplitter.Rail.Flush);
        vm.warp(expiry);
        splitter.sweep(NO_AGENT, _one(expiry));
        vm.assertEq(splitter.totalHeld(), 0, "held");
        _assertReverts(
            Call(pauser, abi.encodeCall(splitter.unfreezeRegistration, ())), _unauthorized(pauser, bytes32(0))
        );
        bytes32 role = splitter.PAUSER_ROLE();
        vm.prank(admin);
        splitter.revokeRole(role, pauser);
        _assertReverts(Call(pauser, abi.encodeCall(splitter.unpause, ())), _unauthorized(pauser, role));
    }

    // 8, 11: whoever relays can refuse to, or be slow; what is signed pays whom it names, and nothing else is signed
    function test_theRelayers() public {
        bytes32 salt = _salt();
        bytes32 nonce = splitter.termsNonce(CREATOR, AGENT, REF, salt);
        bytes memory signature = _signReceive(PAYER_KEY, Authorization(payer, address(splitter), AMOUNT, 0, FAR, nonce));
        _register(NOBODY, OTHER_KEY);
        bytes memory toTheThief =
            abi.encodeCall(splitter.tipWithAuthorization, (payer, NOBODY, AGENT, AMOUNT, REF, salt, 0, FAR, signature));
        (bool ok,) = _try(Call(thief, toTheThief));
        vm.assertFalse(ok, "terms that the payer did not sign");
        Books memory before = _books();
        bytes memory asSigned = abi.encodeCall(
            splitter.tipWithAuthorization, (payer, CREATOR, AGENT, AMOUNT, REF, salt, 0, FAR, signature)
        );
        _send(Call(thief, asSigned));
        _assertTipped(before, AMOUNT, 0);
    }

    // 2, 7, 10: the platform's own income at once, and a wallet only against seven days of its owner's objection
    function test_theAdmins() public {
        uint64 expiry = _expiry();
        _tip(NOBODY, NO_AGENT);
        vm.startPrank(admin);
        splitter.proposeTreasury(thief);
        splitter.grantRole(splitter.REGISTRAR_ROLE(), registrar);
        splitter.revoke(CREATOR);
        vm.stopPrank();
        vm.prank(thief);
        splitter.acceptTreasury();
        _tip(CREATOR, AGENT);
        vm.assertEq(usdc.balanceOf(thief), 47_500, "the platform's share");

        uint256 announcedAt = block.timestamp;
        _register(CREATOR, OTHER_KEY);
        _send(_cancel(creatorWallet));
        vm.warp(announcedAt + 7 days - 1);
        bytes memory early =
            abi.encodeWithSelector(ITipSplitter.RotationNotReady.selector, CREATOR, uint64(announcedAt + 7 days));
        _assertReverts(_override(), early);

        bytes memory rescueAll = abi.encodeCall(splitter.rescue, (address(usdc), 1));
        bytes memory none = abi.encodeWithSelector(ITipSplitter.RescueExceedsStrays.selector, 1, 0);
        _assertReverts(Call(admin, rescueAll), none);
        vm.assertEq(splitter.held(NOBODY, expiry), 200_000, "what is held");
        vm.warp(announcedAt + 7 days);
        _send(_override());
        _assertWallet(CREATOR, otherWallet, ITipSplitter.WalletStatus.Active);
    }

    // 5, 10: what nobody claims in time, and the platform's share, as before; nothing sooner
    function test_theTreasurys() public {
        uint64 expiry = _expiry();
        _tip(NOBODY, AGENT);
        vm.warp(expiry - 1);
        bytes memory early = abi.encodeWithSelector(ITipSplitter.NothingToSweep.selector, NOBODY);
        _assertReverts(Call(treasury, abi.encodeCall(splitter.sweep, (NOBODY, _one(expiry)))), early);
        _assertReverts(
            Call(treasury, abi.encodeCall(splitter.proposeTreasury, (thief))), _unauthorized(treasury, bytes32(0))
        );
    }

    // 10
    function test_theAuditors() public {
        vm.prank(auditor);
        splitter.anchorAudit(bytes32("not what happened"), 1, 2);
        _assertReverts(Call(auditor, abi.encodeCall(splitter.setMinTip, (100))), _unauthorized(auditor, bytes32(0)));
    }

    // 7: its own account's shares until the owner is another; nobody else's
    function test_aRecipients() public {
        _tip(CREATOR, AGENT);
        uint256 ofTheAgent = usdc.balanceOf(agentWallet);
        bytes memory consent = _signConsent(OTHER_KEY, CREATOR, otherWallet, splitter.consentNonce(CREATOR), FAR);
        bytes memory coSignature = _signRotation(CREATOR_KEY, CREATOR, otherWallet, splitter.consentNonce(CREATOR), FAR);
        Call memory c = _rotate(CREATOR, otherWallet, FAR, consent, coSignature);
        bytes32 role = splitter.REGISTRAR_ROLE();
        _assertReverts(Call(creatorWallet, c.data), _unauthorized(creatorWallet, role));
        bytes memory notIts = abi.encodeWithSelector(ITipSplitter.NotTheWallet.selector, creatorWallet, agentWallet);
        _assertReverts(Call(creatorWallet, abi.encodeCall(splitter.revoke, (AGENT))), notIts);
        vm.assertEq(usdc.balanceOf(agentWallet), ofTheAgent, "the agent's");

        vm.prank(admin);
        splitter.revoke(CREATOR);
        uint64 expiry = _expiry();
        uint256 before = usdc.balanceOf(creatorWallet);
        _tip(CREATOR, AGENT);
        vm.assertEq(usdc.balanceOf(creatorWallet), before, "nothing after the revocation");
        vm.assertEq(splitter.held(CREATOR, expiry), 200_000, "held for whoever registers next");
    }

    // 10: deploying leaves nothing behind, where the admin is another
    function test_theDeployers() public {
        vm.assertFalse(splitter.hasRole(bytes32(0), address(this)), "admin");
        _assertReverts(
            Call(address(this), abi.encodeCall(splitter.setMinTip, (100))), _unauthorized(address(this), bytes32(0))
        );
    }

    function _unauthorized(address caller, bytes32 role) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, role);
    }
}
