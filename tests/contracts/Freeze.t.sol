// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Rotations} from "./Rotations.t.sol";
import {Vm, vm} from "./Vm.sol";

contract FreezeTest is Rotations {
    // 7: the answer to a stolen registrar key
    function test_stopsRegisteringRotatingAndConfirming() public {
        vm.warp(_startRotation());
        _freeze();
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.RegistrationIsFrozen.selector);
        _assertReverts(_confirm(), reason);
        _assertReverts(_rotate(CREATOR, otherWallet, FAR, "", ""), reason);
        _assertReverts(
            Call(registrar, abi.encodeCall(splitter.register, (NOBODY, otherWallet, FAR, bytes("")))), reason
        );
        vm.prank(admin);
        splitter.unfreezeRegistration();
        _send(_confirm());
    }

    // 9: and nothing of the money
    function test_stopsNoTipClaimOrSweep() public {
        _freeze();
        for (uint8 rail = 0; rail < 5; ++rail) {
            _tip(ITipSplitter.Rail(rail));
        }
        vm.assertEq(usdc.balanceOf(creatorWallet), 5 * 200_000, "paid");
    }

    // 7: the admin's way out of a veto stays open
    function test_leavesTheAdminsOverride() public {
        _startRotation();
        _send(_cancel(creatorWallet));
        _freeze();
        vm.warp(block.timestamp + 7 days);
        _send(_override());
    }

    function test_isLogged() public {
        vm.recordLogs();
        _freeze();
        vm.assertEq(_theLog(ITipSplitter.RegistrationFrozen.selector).data, abi.encode(pauser), "by");
        vm.assertTrue(splitter.registrationFrozen(), "frozen");
        vm.recordLogs();
        vm.prank(admin);
        splitter.unfreezeRegistration();
        Vm.Log memory log = _theLog(ITipSplitter.RegistrationUnfrozen.selector);
        vm.assertEq(log.data, abi.encode(admin), "by");
        vm.assertFalse(splitter.registrationFrozen(), "frozen");
    }

    function test_reverts_whenItIsSoAlready() public {
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.RegistrationNotFrozen.selector);
        _assertReverts(Call(admin, abi.encodeCall(splitter.unfreezeRegistration, ())), reason);
        _freeze();
        reason = abi.encodeWithSelector(ITipSplitter.RegistrationIsFrozen.selector);
        _assertReverts(Call(pauser, abi.encodeCall(splitter.freezeRegistration, ())), reason);
    }

    function _freeze() private {
        vm.prank(pauser);
        splitter.freezeRegistration();
    }
}
