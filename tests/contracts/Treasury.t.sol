// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

contract TreasuryTest is Base {
    address private constant NEXT = address(0x74EB);

    // 7: nothing changes until the next one acts
    function test_changesInTwoSteps() public {
        vm.recordLogs();
        _propose(NEXT);
        vm.assertEq(
            _theLog(ITipSplitter.TreasuryProposed.selector).topics[1], bytes32(uint256(uint160(NEXT))), "proposed"
        );
        vm.assertEq(splitter.pendingTreasury(), NEXT, "pending");
        _tip(ITipSplitter.Rail.Approve);
        vm.assertEq(usdc.balanceOf(treasury), 47_500, "the old one still");

        vm.recordLogs();
        vm.prank(NEXT);
        splitter.acceptTreasury();
        Vm.Log memory log = _theLog(ITipSplitter.TreasuryChanged.selector);
        vm.assertEq(_addresses(log), keccak256(abi.encode(treasury, NEXT)), "previous, treasury");
        vm.assertEq(splitter.treasury(), NEXT, "treasury");
        vm.assertEq(splitter.pendingTreasury(), address(0), "pending");
        vm.assertEq(splitter.minTip(), MIN_TIP, "its slot's neighbours");
        _tip(ITipSplitter.Rail.Approve);
        vm.assertEq(usdc.balanceOf(treasury), 47_500, "the old one no more");
        vm.assertEq(usdc.balanceOf(NEXT), 47_500, "the new one");
    }

    // 7
    function test_reverts_whenAnotherAccepts() public {
        address[4] memory others = [anyone, admin, treasury, address(0)];
        for (uint256 i = 0; i < others.length - 1; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(ITipSplitter.NotTheProposedTreasury.selector, others[i], address(0));
            _assertReverts(_accept(others[i]), reason);
        }
        _propose(NEXT);
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(ITipSplitter.NotTheProposedTreasury.selector, others[i], NEXT);
            _assertReverts(_accept(others[i]), reason);
        }
    }

    // 7
    function test_reverts_whenItWouldLoseTheMoney() public {
        address[3] memory lost = [address(0), address(splitter), address(usdc)];
        for (uint256 i = 0; i < lost.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidTreasury.selector, lost[i]);
            _assertReverts(Call(admin, abi.encodeCall(splitter.proposeTreasury, (lost[i]))), reason);
        }
    }

    function test_aLaterProposalReplacesTheFirst() public {
        _propose(NEXT);
        _propose(otherWallet);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.NotTheProposedTreasury.selector, NEXT, otherWallet);
        _assertReverts(_accept(NEXT), reason);
        _send(_accept(otherWallet));
        // Once is once.
        _propose(NEXT);
        _send(_accept(NEXT));
        reason = abi.encodeWithSelector(ITipSplitter.NotTheProposedTreasury.selector, NEXT, address(0));
        _assertReverts(_accept(NEXT), reason);
    }

    // 5: what is held for the platform goes to the treasury of the moment
    function test_heldSharesFollowTheTreasury() public {
        _blacklist(treasury);
        uint64 expiry = _expiry();
        _tip(ITipSplitter.Rail.Approve);
        _propose(NEXT);
        _send(_accept(NEXT));
        splitter.claim(PLATFORM, _one(expiry));
        vm.assertEq(usdc.balanceOf(NEXT), 47_500, "the new one");
    }

    function _propose(address next) private {
        vm.prank(admin);
        splitter.proposeTreasury(next);
    }

    function _accept(address sender) private view returns (Call memory) {
        return Call(sender, abi.encodeCall(splitter.acceptTreasury, ()));
    }

    function _addresses(Vm.Log memory log) private pure returns (bytes32) {
        vm.assertEq(log.topics.length, 3, "indexed");
        return keccak256(abi.encodePacked(log.topics[1], log.topics[2]));
    }
}
