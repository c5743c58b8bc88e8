// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {vm} from "../contracts/Vm.sol";
import {both} from "./Logic.sol";
import {svm} from "./Svm.sol";
import {World} from "./World.sol";

/// @dev Whoever calls, with whatever roles: what only some may do reaches no bucket, no sum and no balance. (`rescue` is in
/// `SolvencyProof`.)
contract DoorsProof is World {
    // 6, 10
    function check_noRoleTouchesABucket(address caller, bytes32 accountId, address wallet, uint64 number) public {
        bytes[15] memory doors = [
            abi.encodeCall(splitter.pause, ()),
            abi.encodeCall(splitter.unpause, ()),
            abi.encodeCall(splitter.freezeRegistration, ()),
            abi.encodeCall(splitter.unfreezeRegistration, ()),
            abi.encodeCall(splitter.overrideVeto, (accountId)),
            abi.encodeCall(splitter.cancelRotation, (accountId)),
            abi.encodeCall(splitter.confirmRotation, (accountId)),
            abi.encodeCall(splitter.revoke, (accountId)),
            abi.encodeCall(splitter.proposeTreasury, (wallet)),
            abi.encodeCall(splitter.acceptTreasury, ()),
            abi.encodeCall(splitter.setMinTip, (number)),
            abi.encodeCall(splitter.anchorAudit, (accountId, number, number)),
            abi.encodeCall(splitter.grantRole, (accountId, wallet)),
            abi.encodeCall(splitter.revokeRole, (accountId, wallet)),
            abi.encodeCall(splitter.renounceRole, (accountId, wallet))
        ];
        bytes[5] memory adminDoors = [
            abi.encodeCall(splitter.beginDefaultAdminTransfer, (wallet)),
            abi.encodeCall(splitter.cancelDefaultAdminTransfer, ()),
            abi.encodeCall(splitter.acceptDefaultAdminTransfer, ()),
            abi.encodeCall(splitter.changeDefaultAdminDelay, (uint48(number))),
            abi.encodeCall(splitter.rollbackDefaultAdminDelay, ())
        ];
        uint256 choice = svm.createUint(8, "door");
        for (uint256 i = 0; i < doors.length; ++i) {
            if (choice == i) _assertReachesNoMoney(caller, doors[i]);
        }
        for (uint256 i = 0; i < adminDoors.length; ++i) {
            if (choice == doors.length + i) _assertReachesNoMoney(caller, adminDoors[i]);
        }
    }

    function _assertReachesNoMoney(address caller, bytes memory data) private {
        bytes32 anyAccount = svm.createBytes32("anyAccount");
        uint64 anyExpiry = uint64(svm.createUint(64, "anyExpiry"));
        address anybody = svm.createAddress("anybody");
        uint256 bucket = splitter.held(anyAccount, anyExpiry);
        uint256 held = splitter.totalHeld();
        uint256 balance = usdc.balanceOf(anybody);
        _call(caller, data);
        bool same = both(splitter.held(anyAccount, anyExpiry) == bucket, splitter.totalHeld() == held);
        vm.assertTrue(both(same, usdc.balanceOf(anybody) == balance), "money moved");
    }
}
