// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {vm} from "../contracts/Vm.sol";
import {svm} from "./Svm.sol";
import {World} from "./World.sol";

/// @dev Any account, any expiry, any second: the boundary is where the solver would look first.
contract HoldsProof is World {
    // 5: where USDC pays, a filled bucket goes by claim before its expiry, by sweep from it on, and never by the other
    function check_exactlyOneOfClaimAndSweepTakesABucket(bytes32 accountId, uint64 expiresAt) public {
        vm.assume(splitter.held(accountId, expiresAt) != 0);
        _assumeThatUsdcPays(accountId, expiresAt);
        bool claimed = _claim(accountId, expiresAt);
        if (claimed) vm.assertEq(splitter.held(accountId, expiresAt), 0, "the claim left something");
        bool swept = _sweep(accountId, expiresAt);
        vm.assertEq(splitter.held(accountId, expiresAt), 0, "something is left");
        vm.assertTrue(claimed == (block.timestamp < expiresAt), "claimed at the wrong time");
        vm.assertTrue(swept == (block.timestamp >= expiresAt), "swept at the wrong time");
    }

    // 5: whatever USDC does
    function check_noClaimFromTheExpiryOn(bytes32 accountId, uint64 expiresAt) public {
        vm.assume(block.timestamp >= expiresAt);
        vm.assertFalse(_claim(accountId, expiresAt), "claimed");
    }

    // 5: whatever USDC does
    function check_noSweepBeforeTheExpiry(bytes32 accountId, uint64 expiresAt) public {
        vm.assume(block.timestamp < expiresAt);
        vm.assertFalse(_sweep(accountId, expiresAt), "swept");
    }

    // 5: whatever was taken is gone, at that second and at any other
    function check_aBucketIsTakenAtMostOnce(bytes32 accountId, uint64 expiresAt, uint64 later) public {
        vm.assume(_claim(accountId, expiresAt) || _sweep(accountId, expiresAt));
        vm.warp(later);
        vm.assertFalse(_claim(accountId, expiresAt), "claimed again");
        vm.assertFalse(_sweep(accountId, expiresAt), "swept again");
    }

    // 5, 7: to the account's wallet, or to the treasury; exactly what the bucket held
    function check_aClaimPaysTheWalletWhatTheBucketHeld(bytes32 accountId, uint64 expiresAt) public {
        uint256 share = splitter.held(accountId, expiresAt);
        address to = _payee(accountId);
        vm.assume(to != address(splitter));
        uint256 before = usdc.balanceOf(to);
        vm.assume(_claim(accountId, expiresAt));
        vm.assertEq(usdc.balanceOf(to) - before, share, "wallet");
    }

    // 5, 7
    function check_aSweepPaysTheTreasuryWhatTheBucketHeld(bytes32 accountId, uint64 expiresAt) public {
        uint256 share = splitter.held(accountId, expiresAt);
        address to = splitter.treasury();
        vm.assume(to != address(splitter));
        uint256 before = usdc.balanceOf(to);
        vm.assume(_sweep(accountId, expiresAt));
        vm.assertEq(usdc.balanceOf(to) - before, share, "treasury");
    }

    /// @dev Law 4, a wallet, and a USDC that is neither paused nor refuses any of the three.
    function _assumeThatUsdcPays(bytes32 accountId, uint64 expiresAt) private view {
        address wallet = _payee(accountId);
        address treasury = splitter.treasury();
        vm.assume(wallet != address(0) && treasury != address(0) && !usdc.paused());
        vm.assume(!usdc.isBlacklisted(wallet) && !usdc.isBlacklisted(treasury));
        vm.assume(!usdc.isBlacklisted(address(splitter)));
        vm.assume(splitter.totalHeld() >= splitter.held(accountId, expiresAt));
        vm.assume(usdc.balanceOf(address(splitter)) >= splitter.totalHeld());
        vm.assume(usdc.balanceOf(wallet) <= type(uint128).max && usdc.balanceOf(treasury) <= type(uint128).max);
    }

    function _payee(bytes32 accountId) private view returns (address) {
        if (accountId == PLATFORM) return splitter.treasury();
        (address wallet, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        return status == ITipSplitter.WalletStatus.Active ? wallet : address(0);
    }

    function _claim(bytes32 accountId, uint64 expiresAt) private returns (bool) {
        return _call(_anyone(), abi.encodeCall(splitter.claim, (accountId, _one(expiresAt))));
    }

    function _sweep(bytes32 accountId, uint64 expiresAt) private returns (bool) {
        return _call(_anyone(), abi.encodeCall(splitter.sweep, (accountId, _one(expiresAt))));
    }

    function _one(uint64 expiresAt) private pure returns (uint64[] memory expiries) {
        expiries = new uint64[](1);
        expiries[0] = expiresAt;
    }

    function _anyone() private returns (address) {
        return svm.createAddress("anyone");
    }
}
