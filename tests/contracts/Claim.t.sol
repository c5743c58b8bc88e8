// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

contract ClaimTest is Base {
    uint64 private expiry;

    /// @dev One held creator's share of 200,000 units, whose account has a wallet by now.
    function setUp() public override {
        super.setUp();
        expiry = _expiry();
        _tip(NOBODY, AGENT);
        _register(NOBODY, OTHER_KEY);
    }

    // 4, 5, 7
    function test_anyoneMayClaimForTheWallet() public {
        vm.recordLogs();
        vm.prank(anyone);
        vm.assertEq(splitter.claim(NOBODY, _one(expiry)), 200_000, "answer");
        Vm.Log memory log = _theLog(ITipSplitter.ShareClaimed.selector);
        vm.assertEq(log.topics[1], NOBODY, "account");
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(otherWallet))), "wallet");
        vm.assertEq(log.data, abi.encode(expiry, 200_000), "data");
        vm.assertEq(usdc.balanceOf(otherWallet), 200_000, "wallet");
        vm.assertEq(splitter.held(NOBODY, expiry), 0, "bucket");
        vm.assertEq(splitter.totalHeld(), 0, "total");
        vm.assertEq(usdc.balanceOf(address(splitter)), 0, "splitter");
    }

    // 5
    function test_reverts_whenClaimedTwice() public {
        splitter.claim(NOBODY, _one(expiry));
        _assertNothing(_one(expiry));
    }

    // 5: boundary
    function test_untilTheLastSecondBeforeTheExpiry() public {
        vm.warp(expiry - 1);
        splitter.claim(NOBODY, _one(expiry));
    }

    // 5: boundary
    function test_reverts_atTheExpiryAndAfter() public {
        vm.warp(expiry);
        _assertNothing(_one(expiry));
        vm.warp(expiry + 1);
        _assertNothing(_one(expiry));
    }

    // 5, 13: what cannot be paid is skipped, what can is paid and logged once
    function test_skipsEmptyRepeatedAndExpired() public {
        vm.warp(block.timestamp + 10 days);
        vm.prank(otherWallet);
        splitter.revoke(NOBODY);
        uint64 second = _expiry();
        _tip(NOBODY, AGENT);
        _registerAgain();
        vm.warp(expiry);
        uint64[] memory expiries = new uint64[](6);
        (expiries[0], expiries[1], expiries[2]) = (expiry, second, second);
        (expiries[3], expiries[4], expiries[5]) = (second + 1, 0, type(uint64).max);
        vm.recordLogs();
        vm.assertEq(splitter.claim(NOBODY, expiries), 200_000, "the second bucket, once");
        _theLog(ITipSplitter.ShareClaimed.selector);
        vm.assertEq(splitter.held(NOBODY, expiry), 200_000, "the expired one stays for the sweep");
        vm.assertEq(splitter.totalHeld(), 200_000, "total");
    }

    // 5: the smallest share there is
    function test_aSingleUnitIsPaid() public {
        _pay(_vaultOf(CREATOR, NO_AGENT), 100);
        splitter.flush(CREATOR, NO_AGENT, REF);
        _register(NO_AGENT, AGENT_KEY);
        vm.assertEq(splitter.claim(NO_AGENT, _one(expiry)), 1, "answer");
        vm.assertEq(splitter.held(NO_AGENT, expiry), 0, "bucket");
        vm.assertEq(usdc.balanceOf(agentWallet), 2_501, "beside its share of the first tip");
    }

    // 4: several in one call
    function test_paysSeveralBucketsAtOnce() public {
        bytes32 account = bytes32(uint256(77));
        uint64[] memory expiries = new uint64[](3);
        for (uint256 i = 0; i < 3; ++i) {
            expiries[i] = _expiry();
            _tip(account, AGENT);
            vm.warp(block.timestamp + 1);
        }
        _register(account, CREATOR_KEY);
        uint256 before = usdc.balanceOf(creatorWallet);
        vm.assertEq(splitter.claim(account, expiries), 600_000, "answer");
        vm.assertEq(usdc.balanceOf(creatorWallet) - before, 600_000, "wallet");
        vm.assertEq(splitter.totalHeld(), 200_000, "the other account's");
    }

    // 3, 5
    function test_reverts_whenNoExpiryIsGiven() public {
        _assertNothing(new uint64[](0));
    }

    // 7
    function test_reverts_whenTheAccountHasNoWallet() public {
        uint64 now30 = _expiry();
        _tip(NO_AGENT, AGENT);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NoVerifiedWallet.selector, NO_AGENT);
        _assertReverts(Call(anyone, abi.encodeCall(splitter.claim, (NO_AGENT, _one(now30)))), reason);
    }

    // 7
    function test_reverts_whenTheWalletWasRevoked() public {
        vm.prank(otherWallet);
        splitter.revoke(NOBODY);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NoVerifiedWallet.selector, NOBODY);
        _assertReverts(Call(anyone, abi.encodeCall(splitter.claim, (NOBODY, _one(expiry)))), reason);
    }

    // 3, 4, 14: the money waits for USDC to change its mind
    function test_reverts_whenTheWalletIsBlacklisted() public {
        _blacklist(otherWallet);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.TransferFailed.selector, otherWallet, 200_000);
        _assertReverts(Call(anyone, abi.encodeCall(splitter.claim, (NOBODY, _one(expiry)))), reason);
        vm.assertEq(splitter.held(NOBODY, expiry), 200_000, "bucket");
        _unBlacklist(otherWallet);
        splitter.claim(NOBODY, _one(expiry));
    }

    // 5: the platform's bucket goes to the treasury, before its expiry like any other
    function test_thePlatformsBucketGoesToTheTreasury() public {
        _blacklist(treasury);
        uint64 later = _expiry();
        _tip(ITipSplitter.Rail.Approve);
        _unBlacklist(treasury);
        vm.assertEq(splitter.held(PLATFORM, later), 47_500, "bucket");
        uint256 before = usdc.balanceOf(treasury);
        vm.prank(anyone);
        splitter.claim(PLATFORM, _one(later));
        vm.assertEq(usdc.balanceOf(treasury) - before, 47_500, "treasury");
    }

    // 7: another account's bucket is out of reach
    function test_reverts_whenTheBucketIsAnothers() public {
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NothingToClaim.selector, CREATOR);
        _assertReverts(Call(creatorWallet, abi.encodeCall(splitter.claim, (CREATOR, _one(expiry)))), reason);
    }

    // 9
    function test_worksWhilePausedAndFrozen() public {
        vm.startPrank(pauser);
        splitter.pause();
        splitter.freezeRegistration();
        vm.stopPrank();
        splitter.claim(NOBODY, _one(expiry));
    }

    // 5: at every instant exactly one of the two is possible
    function testFuzz_claimOrSweepNeverBoth(uint64 elapsed) public {
        vm.warp(uint256(expiry) - 30 days + elapsed % 90 days);
        Call memory claim = Call(anyone, abi.encodeCall(splitter.claim, (NOBODY, _one(expiry))));
        Call memory sweep = Call(anyone, abi.encodeCall(splitter.sweep, (NOBODY, _one(expiry))));
        (Call memory possible, Call memory impossible) = block.timestamp < expiry ? (claim, sweep) : (sweep, claim);
        (bool ok,) = _try(impossible);
        vm.assertFalse(ok, "too early or too late");
        _send(possible);
        (ok,) = _try(possible);
        vm.assertFalse(ok, "twice");
        (ok,) = _try(impossible);
        vm.assertFalse(ok, "the other one afterwards");
        vm.assertEq(splitter.totalHeld(), 0, "total");
    }

    function _assertNothing(uint64[] memory expiries) private {
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NothingToClaim.selector, NOBODY);
        _assertReverts(Call(anyone, abi.encodeCall(splitter.claim, (NOBODY, expiries))), reason);
    }

    function _registerAgain() private {
        _register(NOBODY, OTHER_KEY);
        vm.warp(block.timestamp + 48 hours);
        splitter.confirmRotation(NOBODY);
    }
}
