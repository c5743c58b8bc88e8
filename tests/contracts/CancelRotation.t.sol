// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Rotations} from "./Rotations.t.sol";
import {Vm, vm} from "./Vm.sol";

contract CancelRotationTest is Rotations {
    // 7
    function test_theOldWalletVetoes() public {
        uint64 readyAt = _startRotation();
        vm.recordLogs();
        _send(_cancel(creatorWallet));
        Vm.Log memory log = _theLog(ITipSplitter.WalletRotationCancelled.selector);
        vm.assertEq(log.topics[1], CREATOR, "account");
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(creatorWallet))), "old wallet");
        vm.assertEq(log.topics[3], bytes32(uint256(uint160(otherWallet))), "new wallet");
        vm.warp(readyAt + 365 days);
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationVetoed.selector, CREATOR));
        _assertWallet(CREATOR, creatorWallet, ITipSplitter.WalletStatus.Active);
    }

    // 7: as long as nobody has confirmed
    function test_theOldWalletMayStillVetoOnceItIsReady() public {
        vm.warp(_startRotation() + 1);
        _send(_cancel(creatorWallet));
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationVetoed.selector, CREATOR));
    }

    // 7
    function test_reverts_whenAnotherCancels() public {
        _startRotation();
        address[4] memory others = [otherWallet, registrar, pauser, anyone];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(ITipSplitter.NotTheWallet.selector, others[i], creatorWallet);
            _assertReverts(_cancel(others[i]), reason);
        }
    }

    // 7: what a stolen registrar key announced must not wait for the registry to be unfrozen
    function test_theAdminVetoes() public {
        uint64 readyAt = _startRotation();
        vm.prank(pauser);
        splitter.freezeRegistration();
        _send(_cancel(admin));
        vm.prank(admin);
        splitter.unfreezeRegistration();
        vm.warp(readyAt);
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationVetoed.selector, CREATOR));
        _assertWallet(CREATOR, creatorWallet, ITipSplitter.WalletStatus.Active);
    }

    function test_reverts_whenNothingIsAnnounced() public {
        _assertReverts(_cancel(creatorWallet), abi.encodeWithSelector(ITipSplitter.NoRotation.selector, CREATOR));
    }

    function test_reverts_whenAlreadyVetoed() public {
        _startRotation();
        _send(_cancel(creatorWallet));
        _assertReverts(_cancel(creatorWallet), abi.encodeWithSelector(ITipSplitter.RotationVetoed.selector, CREATOR));
    }

    // 7: a frozen registry still lets the wallet say no
    function test_worksWhileFrozen() public {
        _startRotation();
        vm.prank(pauser);
        splitter.freezeRegistration();
        _send(_cancel(creatorWallet));
    }
}
