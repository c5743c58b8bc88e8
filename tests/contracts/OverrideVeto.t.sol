// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Rotations} from "./Rotations.t.sol";
import {vm} from "./Vm.sol";

contract OverrideVetoTest is Rotations {
    // 7: a stolen old wallet must not veto for ever
    function test_theAdminCompletesItSevenDaysAfterItsAnnouncement() public {
        uint256 announcedAt = block.timestamp;
        _startRotation();
        vm.warp(announcedAt + 47 hours);
        _send(_cancel(creatorWallet));
        vm.warp(announcedAt + 7 days - 1);
        bytes memory reason =
            abi.encodeWithSelector(ITipSplitter.RotationNotReady.selector, CREATOR, uint64(announcedAt + 7 days));
        _assertReverts(_override(), reason);
        vm.warp(announcedAt + 7 days);
        _send(_override());
        _assertWallet(CREATOR, otherWallet, ITipSplitter.WalletStatus.Active);
        _assertReverts(_override(), abi.encodeWithSelector(ITipSplitter.NoRotation.selector, CREATOR));
    }

    // 7: it shortens nothing that nobody vetoed
    function test_reverts_whenNobodyVetoed() public {
        vm.warp(_startRotation() + 7 days);
        _assertReverts(_override(), abi.encodeWithSelector(ITipSplitter.RotationNotVetoed.selector, CREATOR));
    }

    function test_reverts_whenNothingIsAnnounced() public {
        _assertReverts(_override(), abi.encodeWithSelector(ITipSplitter.NoRotation.selector, CREATOR));
    }

    // 7: a new announcement takes the veto away, and gives the old wallet the chance of another
    function test_aNewAnnouncementCanBeVetoedAgain() public {
        _startRotation();
        _send(_cancel(creatorWallet));
        uint64 readyAt = _startRotation(CREATOR, AGENT_KEY);
        vm.assertFalse(splitter.rotationOf(CREATOR).vetoed, "vetoed");
        _send(_cancel(creatorWallet));
        vm.warp(readyAt);
        _assertReverts(_confirm(), abi.encodeWithSelector(ITipSplitter.RotationVetoed.selector, CREATOR));
    }
}
