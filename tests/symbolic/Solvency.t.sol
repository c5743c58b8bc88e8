// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {vm} from "../contracts/Vm.sol";
import {both, either} from "./Logic.sol";
import {svm} from "./Svm.sol";
import {World} from "./World.sol";

/// @dev The step of an induction: in any state where the splitter has at least `totalHeld`, whatever one call does, it still has,
/// `totalHeld` moved by exactly what the bucket moved that it names, and no other bucket moved. In the state after the
/// constructor both are zero.
contract SolvencyProof is World {
    struct Bucket {
        bytes32 accountId;
        uint64 expiresAt;
    }

    // 4, 5, 6: named twice, paid once
    function check_claim(address caller, bytes32 accountId, uint64 expiresAt) public {
        _step(caller, abi.encodeCall(splitter.claim, (accountId, _twice(expiresAt))), Bucket(accountId, expiresAt));
    }

    // 4, 5, 6: named twice, swept once
    function check_sweep(address caller, bytes32 accountId, uint64 expiresAt) public {
        _step(caller, abi.encodeCall(splitter.sweep, (accountId, _twice(expiresAt))), Bucket(accountId, expiresAt));
    }

    // 4, 10
    function check_rescue(address caller, uint256 amount) public {
        uint256 held = splitter.totalHeld();
        vm.assume(usdc.balanceOf(address(splitter)) >= held);
        vm.assume(splitter.treasury() != address(splitter)); // `proposeTreasury` refuses it
        vm.assume(_call(caller, abi.encodeCall(splitter.rescue, (address(usdc), amount))));
        vm.assertTrue(splitter.totalHeld() == held, "totalHeld");
        vm.assertTrue(usdc.balanceOf(address(splitter)) >= held, "solvent");
    }

    function _step(address caller, bytes memory data, Bucket memory touched) private {
        uint256 held = splitter.totalHeld();
        uint256 share = _held(touched);
        vm.assume(usdc.balanceOf(address(splitter)) >= held);
        Bucket memory any = _anyBucket();
        uint256 anyHeld = _held(any);
        vm.assume(_call(caller, data));
        vm.assertEq(_held(touched), 0, "the bucket");
        vm.assertEq(splitter.totalHeld() + share, held, "totalHeld moved otherwise than the bucket");
        vm.assertTrue(usdc.balanceOf(address(splitter)) >= splitter.totalHeld(), "solvent");
        vm.assertTrue(either(_same(any, touched), _held(any) == anyHeld), "another bucket moved");
    }

    function _twice(uint64 expiresAt) private pure returns (uint64[] memory expiries) {
        expiries = new uint64[](2);
        (expiries[0], expiries[1]) = (expiresAt, expiresAt);
    }

    function _anyBucket() private returns (Bucket memory) {
        return Bucket(svm.createBytes32("anyAccount"), uint64(svm.createUint(64, "anyExpiry")));
    }

    function _held(Bucket memory bucket) private view returns (uint256) {
        return splitter.held(bucket.accountId, bucket.expiresAt);
    }

    function _same(Bucket memory left, Bucket memory right) private pure returns (bool) {
        return both(left.accountId == right.accountId, left.expiresAt == right.expiresAt);
    }
}
