// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

contract SweepTest is Base {
    uint64 private expiry;

    /// @dev One held creator's share of 200,000 units.
    function setUp() public override {
        super.setUp();
        expiry = _expiry();
        _tip(NOBODY, AGENT);
    }

    // 4, 5, 7: boundary
    function test_anyoneMaySweepToTheTreasuryFromTheExpiryOn() public {
        vm.warp(expiry);
        uint256 before = usdc.balanceOf(treasury);
        vm.recordLogs();
        vm.prank(anyone);
        vm.assertEq(splitter.sweep(NOBODY, _one(expiry)), 200_000, "answer");
        Vm.Log memory log = _theLog(ITipSplitter.ShareSwept.selector);
        vm.assertEq(log.topics[1], NOBODY, "account");
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(treasury))), "treasury");
        vm.assertEq(log.data, abi.encode(expiry, 200_000), "data");
        vm.assertEq(usdc.balanceOf(treasury) - before, 200_000, "treasury");
        vm.assertEq(splitter.totalHeld(), 0, "total");
        vm.assertEq(usdc.balanceOf(address(splitter)), 0, "splitter");
    }

    // 5: boundary
    function test_reverts_aSecondBeforeTheExpiry() public {
        vm.warp(expiry - 1);
        _assertNothing(_one(expiry));
    }

    // 5
    function test_worksLongAfterTheExpiry() public {
        vm.warp(expiry + 3650 days);
        splitter.sweep(NOBODY, _one(expiry));
    }

    // 5
    function test_reverts_whenSweptTwice() public {
        vm.warp(expiry);
        splitter.sweep(NOBODY, _one(expiry));
        _assertNothing(_one(expiry));
    }

    // 3, 5
    function test_reverts_whenNoExpiryIsGiven() public {
        vm.warp(expiry);
        _assertNothing(new uint64[](0));
    }

    // 4, 5: several in one call
    function test_paysSeveralBucketsAtOnce() public {
        vm.warp(block.timestamp + 1);
        _tip(NOBODY, AGENT);
        vm.warp(expiry + 1);
        uint64[] memory expiries = new uint64[](2);
        (expiries[0], expiries[1]) = (expiry, expiry + 1);
        uint256 before = usdc.balanceOf(treasury);
        vm.assertEq(splitter.sweep(NOBODY, expiries), 400_000, "answer");
        vm.assertEq(usdc.balanceOf(treasury) - before, 400_000, "treasury");
        vm.assertEq(splitter.totalHeld(), 0, "total");
    }

    // 5: the smallest share there is
    function test_aSingleUnitIsSwept() public {
        _pay(_vaultOf(CREATOR, NO_AGENT), 100);
        splitter.flush(CREATOR, NO_AGENT, REF);
        vm.warp(expiry);
        uint256 before = usdc.balanceOf(treasury);
        vm.assertEq(splitter.sweep(NO_AGENT, _one(expiry)), 1, "answer");
        vm.assertEq(usdc.balanceOf(treasury) - before, 1, "treasury");
    }

    // 5, 6, 13: what cannot be swept is skipped, what can is paid and logged once
    function test_skipsEmptyRepeatedAndEarly() public {
        vm.warp(block.timestamp + 1);
        _tip(NOBODY, AGENT);
        vm.warp(expiry);
        uint64[] memory expiries = new uint64[](6);
        (expiries[0], expiries[1], expiries[2]) = (0, expiry, expiry);
        (expiries[3], expiries[4], expiries[5]) = (expiry + 1, expiry - 1, type(uint64).max);
        vm.recordLogs();
        vm.assertEq(splitter.sweep(NOBODY, expiries), 200_000, "the first bucket, once");
        _theLog(ITipSplitter.ShareSwept.selector);
        vm.assertEq(splitter.held(NOBODY, expiry + 1), 200_000, "the second has a second left");
        vm.assertEq(splitter.totalHeld(), 200_000, "total");
    }

    // 5: also a bucket whose account has got a wallet since, and did not claim
    function test_anExpiredBucketIsTheTreasurysThoughAWalletCame() public {
        _register(NOBODY, OTHER_KEY);
        vm.warp(expiry);
        splitter.sweep(NOBODY, _one(expiry));
        vm.assertEq(usdc.balanceOf(otherWallet), 0, "wallet");
    }

    // 5: the platform's own
    function test_thePlatformsBucketIsSweptToTheTreasury() public {
        _blacklist(treasury);
        uint64 later = _expiry();
        _tip(ITipSplitter.Rail.Approve);
        _unBlacklist(treasury);
        vm.warp(later);
        uint256 before = usdc.balanceOf(treasury);
        splitter.sweep(PLATFORM, _one(later));
        vm.assertEq(usdc.balanceOf(treasury) - before, 47_500, "treasury");
    }

    // 3, 4
    function test_reverts_whenTheTreasuryIsBlacklisted() public {
        vm.warp(expiry);
        _blacklist(treasury);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.TransferFailed.selector, treasury, 200_000);
        _assertReverts(Call(anyone, abi.encodeCall(splitter.sweep, (NOBODY, _one(expiry)))), reason);
        vm.assertEq(splitter.held(NOBODY, expiry), 200_000, "bucket");
    }

    // 9
    function test_worksWhilePaused() public {
        vm.prank(pauser);
        splitter.pause();
        vm.warp(expiry);
        splitter.sweep(NOBODY, _one(expiry));
    }

    function _assertNothing(uint64[] memory expiries) private {
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NothingToSweep.selector, NOBODY);
        _assertReverts(Call(anyone, abi.encodeCall(splitter.sweep, (NOBODY, expiries))), reason);
    }
}
