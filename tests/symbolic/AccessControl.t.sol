// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {vm} from "../contracts/Vm.sol";
import {svm} from "./Svm.sol";
import {World} from "./World.sol";

/// @dev Whoever lacks the role is refused, whatever else is true of the state, of the caller and of the arguments.
contract AccessControlProof is World {
    // 7, 10
    function check_registerNeedsTheRegistrar(address caller, bytes32 accountId, address wallet, uint256 deadline)
        public
    {
        _refusedWithout(
            REGISTRAR, caller, abi.encodeCall(splitter.register, (accountId, wallet, deadline, _signature()))
        );
    }

    // 7, 10
    function check_rotateNeedsTheRegistrar(address caller, bytes32 accountId, address wallet, uint256 deadline) public {
        _refusedWithout(
            REGISTRAR,
            caller,
            abi.encodeCall(splitter.rotate, (accountId, wallet, deadline, _signature(), _signature()))
        );
    }

    // 10
    function check_pauseNeedsThePauser(address caller) public {
        _refusedWithout(PAUSER, caller, abi.encodeCall(splitter.pause, ()));
    }

    // 10
    function check_unpauseNeedsThePauser(address caller) public {
        _refusedWithout(PAUSER, caller, abi.encodeCall(splitter.unpause, ()));
    }

    // 10
    function check_freezeRegistrationNeedsThePauser(address caller) public {
        _refusedWithout(PAUSER, caller, abi.encodeCall(splitter.freezeRegistration, ()));
    }

    // 10
    function check_unfreezeRegistrationNeedsTheAdmin(address caller) public {
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.unfreezeRegistration, ()));
    }

    // 7, 10
    function check_overrideVetoNeedsTheAdmin(address caller, bytes32 accountId) public {
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.overrideVeto, (accountId)));
    }

    // 7, 10
    function check_proposeTreasuryNeedsTheAdmin(address caller, address treasury) public {
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.proposeTreasury, (treasury)));
    }

    // 10
    function check_setMinTipNeedsTheAdmin(address caller, uint64 minTip) public {
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.setMinTip, (minTip)));
    }

    // 10
    function check_rescueNeedsTheAdmin(address caller, address token, uint256 amount) public {
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.rescue, (token, amount)));
    }

    // 10
    function check_anchorAuditNeedsTheAuditor(address caller, bytes32 root, uint64 first, uint64 last) public {
        _refusedWithout(AUDITOR, caller, abi.encodeCall(splitter.anchorAudit, (root, first, last)));
    }

    // 10
    function check_grantRoleNeedsTheRolesAdmin(address caller, bytes32 role, address account) public {
        _refusedWithout(splitter.getRoleAdmin(role), caller, abi.encodeCall(splitter.grantRole, (role, account)));
    }

    // 10
    function check_revokeRoleNeedsTheRolesAdmin(address caller, bytes32 role, address account) public {
        _refusedWithout(splitter.getRoleAdmin(role), caller, abi.encodeCall(splitter.revokeRole, (role, account)));
    }

    // 10
    function check_nobodyGrantsOrRevokesTheAdminsRole(address caller, address account) public {
        _refused(caller, abi.encodeCall(splitter.grantRole, (ADMIN, account)));
        _refused(caller, abi.encodeCall(splitter.revokeRole, (ADMIN, account)));
    }

    // 10
    function check_renounceRoleIsForOneself(address caller, bytes32 role, address account) public {
        vm.assume(caller != account);
        _refused(caller, abi.encodeCall(splitter.renounceRole, (role, account)));
    }

    // 10
    function check_beginDefaultAdminTransferNeedsTheAdmin(address caller, address newAdmin) public {
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.beginDefaultAdminTransfer, (newAdmin)));
    }

    // 10
    function check_cancelDefaultAdminTransferNeedsTheAdmin(address caller) public {
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.cancelDefaultAdminTransfer, ()));
    }

    // 10
    function check_acceptDefaultAdminTransferNeedsThePendingAdminAndTheTime(address caller) public {
        (address pending, uint48 schedule) = splitter.pendingDefaultAdmin();
        vm.assume(caller != pending || schedule == 0 || schedule >= block.timestamp);
        _refused(caller, abi.encodeCall(splitter.acceptDefaultAdminTransfer, ()));
    }

    // 10
    function check_changeDefaultAdminDelayNeedsTheAdmin(address caller, uint48 delay) public {
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.changeDefaultAdminDelay, (delay)));
    }

    // 10
    function check_rollbackDefaultAdminDelayNeedsTheAdmin(address caller) public {
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.rollbackDefaultAdminDelay, ()));
    }

    // 7, 10
    function check_acceptTreasuryIsForTheProposed(address caller) public {
        vm.assume(caller != splitter.pendingTreasury());
        _refused(caller, abi.encodeCall(splitter.acceptTreasury, ()));
    }

    // 7, 10
    function check_cancelRotationIsForTheWalletOrTheAdmin(address caller, bytes32 accountId) public {
        (address wallet,) = splitter.walletOf(accountId);
        vm.assume(caller != wallet);
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.cancelRotation, (accountId)));
    }

    // 7, 10
    function check_revokeIsForTheWalletOrTheAdmin(address caller, bytes32 accountId) public {
        (address wallet,) = splitter.walletOf(accountId);
        vm.assume(caller != wallet);
        _refusedWithout(ADMIN, caller, abi.encodeCall(splitter.revoke, (accountId)));
    }

    function _refusedWithout(bytes32 role, address caller, bytes memory data) private {
        vm.assume(!splitter.hasRole(role, caller));
        _refused(caller, data);
    }

    function _refused(address caller, bytes memory data) private {
        vm.assertFalse(_call(caller, data), "went through");
    }

    function _signature() private returns (bytes memory) {
        return svm.createBytes(65, "signature");
    }
}
