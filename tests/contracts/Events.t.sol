// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {LogBook} from "./LogBook.t.sol";
import {Rotations} from "./Rotations.t.sol";
import {vm} from "./Vm.sol";

/// @dev What the logs alone say is what the storage says.
contract EventsTest is Rotations, LogBook {
    bytes32[] private accounts;

    function setUp() public override {
        vm.recordLogs();
        super.setUp();
        accounts = [CREATOR, AGENT, NOBODY, NO_AGENT, PLATFORM];
    }

    // 13: a fortnight in which everything happens
    function test_theLogsAloneRebuildTheStorage() public {
        _live();
        _readLogs();
        vm.assertTrue(ledgerTotal > 0, "something is held in the end");
        _assertRebuilt(accounts);
    }

    // 13: what the logs call paid is what the wallets have
    function test_theLogsAloneTellWhoEarnedWhat() public {
        for (uint8 rail = 0; rail < 5; ++rail) {
            _tip(ITipSplitter.Rail(rail));
        }
        _blacklist(agentWallet);
        _tip(ITipSplitter.Rail.X402);
        _readLogs();
        vm.assertEq(ledgerEarned[CREATOR], usdc.balanceOf(creatorWallet), "creator");
        vm.assertEq(ledgerEarned[AGENT], usdc.balanceOf(agentWallet), "agent");
        vm.assertEq(ledgerEarned[PLATFORM], usdc.balanceOf(treasury), "platform");
    }

    /// @dev Holds for all reasons, claims, sweeps, wallets of every fate, another treasury, a frozen registry.
    function _live() private {
        uint64 first = _expiry();
        _tip(NOBODY, NO_AGENT);
        _tip(NOBODY, AGENT);
        _blacklist(creatorWallet);
        _send(_prepareX402(CREATOR, AGENT, AMOUNT));
        _unBlacklist(creatorWallet);
        vm.warp(block.timestamp + 1 days);
        _blacklist(treasury);
        _send(_prepareAuthorization(CREATOR, NO_AGENT, AMOUNT));
        _unBlacklist(treasury);
        _register(NOBODY, OTHER_KEY);
        splitter.claim(NOBODY, _one(first));
        vm.warp(_startRotation());
        _send(_confirm());
        vm.prank(otherWallet);
        splitter.revoke(CREATOR);
        _register(CREATOR, CREATOR_KEY);
        _startRotation(AGENT, OTHER_KEY);
        vm.prank(agentWallet);
        splitter.cancelRotation(AGENT);
        vm.startPrank(admin);
        splitter.proposeTreasury(otherWallet);
        splitter.setMinTip(123_456);
        vm.stopPrank();
        vm.prank(otherWallet);
        splitter.acceptTreasury();
        vm.warp(first);
        splitter.sweep(NO_AGENT, _one(first));
        _tip(NOBODY, NO_AGENT);
        _tip(CREATOR, AGENT);
        vm.startPrank(pauser);
        splitter.pause();
        splitter.unpause();
        splitter.pause();
        splitter.freezeRegistration();
        vm.stopPrank();
        _tip(ITipSplitter.Rail.Flush);
    }
}
