// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

/// @dev Whoever submits a tip chooses its gas. A call gets at most 63/64 of it, so that a leg can fail for want of gas while
/// the splitter goes on: the sweep looks for a limit at which that would decide anything.
contract GasLimitsTest is Base {
    uint256 private constant MOST = 700_000;
    /// @dev So far beyond the border: there the legs have all the gas that they want.
    uint256 private constant ENOUGH = 15_000;

    uint256 private step = 149;

    /// @dev Whether each attempt finds the storage as a transaction of its own would.
    bool private cold = true;

    // 3, 12
    function test_noLimitForcesAHoldOnTip() public {
        _sweepLimits(ITipSplitter.Rail.Approve, CREATOR, AGENT, 0);
    }

    // 3, 12
    function test_noLimitForcesAHoldOnPermit() public {
        _sweepLimits(ITipSplitter.Rail.Permit, CREATOR, AGENT, 0);
    }

    // 3, 12
    function test_noLimitForcesAHoldOnAuthorization() public {
        _sweepLimits(ITipSplitter.Rail.Authorization, CREATOR, AGENT, 0);
    }

    // 3, 12: the vault is deployed by the same call
    function test_noLimitForcesAHoldOnX402() public {
        _sweepLimits(ITipSplitter.Rail.X402, CREATOR, AGENT, 0);
    }

    // 3, 12
    function test_noLimitForcesAHoldOnX402WithItsVault() public {
        _tip(ITipSplitter.Rail.X402);
        _sweepLimits(ITipSplitter.Rail.X402, CREATOR, AGENT, 0);
    }

    // 3, 12
    function test_noLimitForcesAHoldOnFlush() public {
        _tip(ITipSplitter.Rail.X402);
        _sweepLimits(ITipSplitter.Rail.Flush, CREATOR, AGENT, 0);
    }

    // 3, 12: with one share that is held by right, no other becomes held with it
    function test_noLimitForcesASecondHold() public {
        step = 599;
        for (uint8 rail = 0; rail < 5; ++rail) {
            _sweepLimits(ITipSplitter.Rail(rail), NOBODY, AGENT, CREATOR_HELD);
        }
    }

    // 3, 12: nor where USDC refuses one of them
    function test_noLimitForcesAHoldBesideABlacklistedWallet() public {
        step = 599;
        _blacklist(agentWallet);
        for (uint8 rail = 0; rail < 5; ++rail) {
            _sweepLimits(ITipSplitter.Rail(rail), CREATOR, AGENT, AGENT_HELD);
        }
    }

    // 3, 12: two tips in one transaction: the second finds every slot warm, and costs another amount
    function test_noLimitForcesAHoldOnTheSecondTipOfATransaction() public {
        cold = false;
        for (uint8 rail = 0; rail < 5; ++rail) {
            _tip(ITipSplitter.Rail(rail));
            _sweepLimits(ITipSplitter.Rail(rail), CREATOR, AGENT, 0);
        }
    }

    // 5, 12: nor do claims and sweeps take a bucket that they do not pay
    function test_noLimitLosesABucket() public {
        uint64 expiry = _expiry();
        _tip(NOBODY, AGENT);
        _register(NOBODY, OTHER_KEY);
        _sweepRelease(Call(anyone, abi.encodeCall(splitter.claim, (NOBODY, _one(expiry)))), otherWallet);
        vm.warp(expiry);
        _sweepRelease(Call(anyone, abi.encodeCall(splitter.sweep, (NOBODY, _one(expiry)))), treasury);
    }

    function _sweepLimits(ITipSplitter.Rail rail, bytes32 creatorId, bytes32 agentId, uint8 heldMask) private {
        Call memory c = _prepare(rail, creatorId, agentId, AMOUNT);
        // Money that is in a vault already has left the payer before.
        uint256 pulled = rail == ITipSplitter.Rail.Flush ? 0 : AMOUNT;
        uint256 start = vm.snapshotState();
        Books memory before = _books();
        uint256 failed;
        uint256 paid;
        for (uint256 limit = 5_000; limit < MOST && paid * step < ENOUGH; limit += step) {
            if (_tryWith(c, limit)) {
                before.payer -= pulled;
                before.vault = 0;
                _assertSplitAs(before, heldMask);
                before = _restored(start);
                ++paid;
            } else {
                _assertSame(before, _books());
                ++failed;
            }
        }
        vm.assertTrue(failed > 50 && paid * step >= ENOUGH, "the sweep crossed the border");
        vm.revertToState(start);
    }

    function _restored(uint256 start) private returns (Books memory) {
        vm.revertToState(start);
        return _books();
    }

    function _assertSplitAs(Books memory expected, uint8 heldMask) private view {
        (uint256 creatorShare, uint256 platformShare, uint256 agentShare) = _shares(AMOUNT);
        uint256 held = (heldMask & CREATOR_HELD == 0 ? 0 : creatorShare) + (heldMask & AGENT_HELD == 0 ? 0 : agentShare);
        expected.creator += heldMask & CREATOR_HELD == 0 ? creatorShare : 0;
        expected.agent += heldMask & AGENT_HELD == 0 ? agentShare : 0;
        expected.treasury += platformShare;
        expected.splitter += held;
        expected.totalHeld += held;
        _assertSame(expected, _books());
    }

    function _sweepRelease(Call memory c, address to) private {
        uint256 start = vm.snapshotState();
        uint256 balance = usdc.balanceOf(to);
        uint256 paid;
        for (uint256 limit = 5_000; limit < 200_000; limit += step) {
            bool ok = _tryWith(c, limit);
            vm.assertEq(splitter.totalHeld(), ok ? 0 : 200_000, "held");
            vm.assertEq(usdc.balanceOf(to) - balance, ok ? 200_000 : 0, "paid");
            if (ok) ++paid;
            vm.revertToState(start);
        }
        vm.assertTrue(paid > 10, "the sweep crossed the border");
    }

    function _tryWith(Call memory c, uint256 limit) private returns (bool ok) {
        if (cold) {
            vm.cool(address(usdc));
            vm.cool(address(splitter));
            vm.cool(splitter.vaultOf(CREATOR, AGENT, REF));
        }
        vm.prank(c.sender);
        (ok,) = address(splitter).call{gas: limit}(c.data);
    }
}
