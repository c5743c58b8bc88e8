// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";

import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

contract AccessControlTest is Base {
    // 10
    function test_eachDoorOpensToItsRoleAlone() public {
        bytes[11] memory doors = [
            abi.encodeCall(splitter.register, (NOBODY, otherWallet, FAR, bytes(""))),
            abi.encodeCall(splitter.rotate, (CREATOR, otherWallet, FAR, bytes(""), bytes(""))),
            abi.encodeCall(splitter.pause, ()),
            abi.encodeCall(splitter.unpause, ()),
            abi.encodeCall(splitter.freezeRegistration, ()),
            abi.encodeCall(splitter.anchorAudit, (bytes32(0), 1, 1)),
            abi.encodeCall(splitter.unfreezeRegistration, ()),
            abi.encodeCall(splitter.overrideVeto, (CREATOR)),
            abi.encodeCall(splitter.proposeTreasury, (otherWallet)),
            abi.encodeCall(splitter.setMinTip, (100)),
            abi.encodeCall(splitter.rescue, (address(usdc), 0))
        ];
        bytes32[4] memory roles =
            [splitter.REGISTRAR_ROLE(), splitter.PAUSER_ROLE(), splitter.AUDITOR_ROLE(), bytes32(0)];
        uint8[11] memory roleOf = [0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 3];
        address[7] memory callers = [registrar, pauser, auditor, admin, anyone, creatorWallet, treasury];
        for (uint256 i = 0; i < doors.length; ++i) {
            for (uint256 caller = 0; caller < callers.length; ++caller) {
                if (caller == roleOf[i]) continue;
                bytes memory reason = abi.encodeWithSelector(
                    IAccessControl.AccessControlUnauthorizedAccount.selector, callers[caller], roles[roleOf[i]]
                );
                _assertReverts(Call(callers[caller], doors[i]), reason);
            }
        }
    }

    // 10: whoever holds every role still has no door to a bucket, to the rule, or to anybody's wallet
    function test_noRoleLowersABucket() public {
        uint64 expiry = _expiry();
        _tip(NOBODY, NO_AGENT);
        vm.startPrank(admin);
        splitter.grantRole(splitter.REGISTRAR_ROLE(), admin);
        splitter.grantRole(splitter.PAUSER_ROLE(), admin);
        splitter.pause();
        splitter.freezeRegistration();
        splitter.setMinTip(1_000_000);
        splitter.proposeTreasury(otherWallet);
        splitter.rescue(address(usdc), 0);
        splitter.revoke(CREATOR);
        vm.expectRevert();
        splitter.sweep(NOBODY, _one(expiry));
        vm.expectRevert();
        splitter.claim(NOBODY, _one(expiry));
        vm.stopPrank();
        vm.assertEq(splitter.held(NOBODY, expiry), 200_000, "creator's bucket");
        vm.assertEq(splitter.held(NO_AGENT, expiry), 2_500, "agent's bucket");
        vm.assertEq(splitter.totalHeld(), 202_500, "total");
    }

    // 10: nothing is behind a selector that the interface does not have
    function testFuzz_noHiddenDoor(bytes calldata data) public {
        uint64 expiry = _expiry();
        _tip(NOBODY, AGENT);
        Books memory before = _books();
        vm.prank(admin);
        (bool ok,) = address(splitter).call(data);
        ok;
        _assertSame(before, _books());
        vm.assertEq(splitter.held(NOBODY, expiry), 200_000, "bucket");
    }

    // 10: the admin hands over in two steps
    function test_theAdminChangesInTwoSteps() public {
        vm.prank(admin);
        splitter.beginDefaultAdminTransfer(otherWallet);
        vm.assertEq(splitter.defaultAdmin(), admin, "until it is accepted");
        bytes memory reason =
            abi.encodeWithSelector(IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, anyone);
        _assertReverts(Call(anyone, abi.encodeCall(splitter.acceptDefaultAdminTransfer, ())), reason);
        vm.warp(block.timestamp + 1);
        vm.prank(otherWallet);
        splitter.acceptDefaultAdminTransfer();
        vm.assertEq(splitter.defaultAdmin(), otherWallet, "from then on");
        reason = abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, admin, bytes32(0));
        _assertReverts(Call(admin, abi.encodeCall(splitter.setMinTip, (100))), reason);
    }

    // 10
    function test_aRoleThatIsTakenAwayOpensNothing() public {
        bytes32 role = splitter.PAUSER_ROLE();
        vm.prank(admin);
        splitter.revokeRole(role, pauser);
        bytes memory reason =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, pauser, role);
        _assertReverts(Call(pauser, abi.encodeCall(splitter.pause, ())), reason);
    }
}
