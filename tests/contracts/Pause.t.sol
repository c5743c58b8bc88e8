// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

contract PauseTest is Base {
    // 3, 9
    function test_stopsTheFourTips() public {
        for (uint8 rail = 0; rail < 4; ++rail) {
            Call memory c = _prepare(ITipSplitter.Rail(rail));
            _pause();
            _assertReverts(c, abi.encodeWithSelector(ITipSplitter.TipsPaused.selector));
            vm.prank(pauser);
            splitter.unpause();
            _send(c);
        }
    }

    // 9
    function test_stopsNothingElse() public {
        uint64 expiry = _expiry();
        _tip(NOBODY, NO_AGENT);
        _pause();
        _register(NOBODY, OTHER_KEY);
        splitter.claim(NOBODY, _one(expiry));
        _tip(ITipSplitter.Rail.Flush);
        ITipSplitter.VaultTerms[] memory terms = new ITipSplitter.VaultTerms[](1);
        terms[0] = ITipSplitter.VaultTerms(CREATOR, NO_AGENT, REF);
        splitter.deployVaults(terms);
        vm.warp(expiry);
        splitter.sweep(NO_AGENT, _one(expiry));
        vm.prank(creatorWallet);
        splitter.revoke(CREATOR);
    }

    function test_isLogged() public {
        vm.recordLogs();
        _pause();
        vm.assertEq(_theLog(ITipSplitter.Paused.selector).data, abi.encode(pauser), "by");
        vm.assertTrue(splitter.paused(), "paused");
        vm.recordLogs();
        vm.prank(pauser);
        splitter.unpause();
        vm.assertEq(_theLog(ITipSplitter.Unpaused.selector).data, abi.encode(pauser), "by");
        vm.assertFalse(splitter.paused(), "paused");
    }

    // 9: the slot that tells it holds the treasury and the minimum too
    function test_leavesTheSettings() public {
        _pause();
        vm.assertEq(splitter.treasury(), treasury, "treasury");
        vm.assertEq(splitter.minTip(), MIN_TIP, "minimum");
        vm.prank(admin);
        splitter.setMinTip(100);
        vm.assertTrue(splitter.paused(), "paused");
    }

    function test_reverts_whenItIsSoAlready() public {
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NotPaused.selector);
        _assertReverts(Call(pauser, abi.encodeCall(splitter.unpause, ())), reason);
        _pause();
        reason = abi.encodeWithSelector(ITipSplitter.AlreadyPaused.selector);
        _assertReverts(Call(pauser, abi.encodeCall(splitter.pause, ())), reason);
    }

    function _pause() private {
        vm.prank(pauser);
        splitter.pause();
    }
}
