// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

contract TipTest is Base {
    // 1, 2
    function test_paysAllThreeInOneTransaction() public {
        Books memory before = _books();
        _tip(ITipSplitter.Rail.Approve);
        _assertTipped(before, AMOUNT, 0);
        vm.assertEq(usdc.balanceOf(creatorWallet), 200_000, "80 %");
        vm.assertEq(usdc.balanceOf(treasury), 47_500, "19 %");
        vm.assertEq(usdc.balanceOf(agentWallet), 2_500, "1 %");
    }

    // 13
    function test_logsWhoPaidWhomForWhat() public {
        vm.recordLogs();
        _tip(ITipSplitter.Rail.Approve);
        Vm.Log memory log = _theLog(ITipSplitter.TipSplit.selector);
        vm.assertEq(log.topics[1], REF, "ref");
        vm.assertEq(log.topics[2], CREATOR, "creator");
        vm.assertEq(log.topics[3], bytes32(uint256(uint160(payer))), "payer");
        bytes memory expected =
            abi.encode(AGENT, AMOUNT, 200_000, 2_500, creatorWallet, agentWallet, uint8(0), ITipSplitter.Rail.Approve);
        vm.assertEq(log.data, expected, "data");
    }

    // 1, 2: every amount, every mix of paid and held
    function testFuzz_balancesChangeByExactlyTheShares(uint256 amount, uint8 mix) public {
        amount = MIN_TIP + amount % (1_000_000_000 - MIN_TIP);
        uint8 heldMask = mix % 8;
        if (heldMask & PLATFORM_HELD != 0) _blacklist(treasury);
        Books memory before = _books();
        bytes32 creatorId = heldMask & CREATOR_HELD == 0 ? CREATOR : NOBODY;
        bytes32 agentId = heldMask & AGENT_HELD == 0 ? AGENT : NO_AGENT;
        _send(_prepare(ITipSplitter.Rail(mix / 8 % 5), creatorId, agentId, amount));
        _assertTipped(before, amount, heldMask);
        vm.assertEq(usdc.balanceOf(splitter.vaultOf(creatorId, agentId, REF)), 0, "its vault");
    }

    // 4, 6
    function test_holdsTheShareOfAnAccountWithoutWalletForThirtyDays() public {
        Books memory before = _books();
        vm.recordLogs();
        _tip(NOBODY, AGENT);
        Vm.Log memory log = _theLog(ITipSplitter.ShareHeld.selector);
        vm.assertEq(log.topics[1], NOBODY, "account");
        vm.assertEq(log.topics[2], REF, "ref");
        vm.assertEq(log.data, abi.encode(_expiry(), 200_000, ITipSplitter.HoldReason.NoWallet), "data");
        _assertTipped(before, AMOUNT, CREATOR_HELD);
        vm.assertEq(splitter.held(NOBODY, uint64(block.timestamp + 30 days)), 200_000, "bucket");
    }

    // 6
    function test_aLaterTipNeverChangesAnEarlierBucket() public {
        uint64 first = _expiry();
        _tip(NOBODY, AGENT);
        vm.warp(block.timestamp + 1);
        _tip(NOBODY, AGENT);
        vm.assertEq(splitter.held(NOBODY, first), 200_000, "first");
        vm.assertEq(splitter.held(NOBODY, first + 1), 200_000, "second");
        vm.assertEq(splitter.totalHeld(), 400_000, "total");
    }

    // 1, 4: in one transaction (a test is one), so the second meets whatever the first left in transient storage
    function test_twoTipsInOneTransactionAreTwoTips() public {
        uint64 expiry = _expiry();
        _tip(NOBODY, NO_AGENT);
        _tip(CREATOR, NO_AGENT);
        _tip(NOBODY, AGENT);
        vm.assertEq(splitter.held(NOBODY, expiry), 400_000, "two shares share the second's bucket");
        vm.assertEq(splitter.held(NO_AGENT, expiry), 5_000, "agent");
        vm.assertEq(splitter.totalHeld(), 405_000, "total");
        vm.assertEq(usdc.balanceOf(address(splitter)), 405_000, "backed");
        vm.assertEq(usdc.balanceOf(creatorWallet), 200_000, "paid");
    }

    // 1, 2
    function test_aCreatorWhoIsTheAgentGetsBothShares() public {
        _tip(CREATOR, CREATOR);
        vm.assertEq(usdc.balanceOf(creatorWallet), 202_500, "both");
        uint64 expiry = _expiry();
        _tip(NOBODY, NOBODY);
        vm.assertEq(splitter.held(NOBODY, expiry), 202_500, "both held");
    }

    // 1
    function test_aCreatorWhoTipsThemselfPaysTheOthers() public {
        _mint(creatorWallet, AMOUNT);
        vm.prank(creatorWallet);
        usdc.approve(address(splitter), AMOUNT);
        vm.prank(creatorWallet);
        splitter.tip(CREATOR, AGENT, AMOUNT, REF);
        vm.assertEq(usdc.balanceOf(creatorWallet), 200_000, "what came back");
    }

    // 3
    function test_reverts_whenAmountIsBelowMinimum() public {
        Call memory c = _prepareTip(CREATOR, AGENT, MIN_TIP - 1);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.TipBelowMinimum.selector, MIN_TIP - 1, MIN_TIP));
        _send(_prepareTip(CREATOR, AGENT, MIN_TIP));
    }

    // 3
    function test_reverts_whenAmountIsZero() public {
        Call memory c = _prepareTip(CREATOR, AGENT, 0);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.TipBelowMinimum.selector, 0, MIN_TIP));
    }

    // 3
    function test_reverts_whenAmountIsAboveUint96() public {
        uint256 maximum = type(uint96).max;
        _mint(payer, maximum + 1);
        Call memory c = _prepareTip(CREATOR, AGENT, maximum + 1);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.AmountTooLarge.selector, maximum + 1, maximum));
        Books memory before = _books();
        _send(_prepareTip(CREATOR, AGENT, maximum));
        _assertTipped(before, maximum, 0);
    }

    // 3: no amount wraps into another
    function test_reverts_whenAmountIsEnormous() public {
        uint256 maximum = type(uint96).max;
        uint256[3] memory amounts = [type(uint256).max, 1 << 255, (1 << 96) + AMOUNT];
        for (uint256 i = 0; i < amounts.length; ++i) {
            Call memory c = _prepareTip(CREATOR, AGENT, amounts[i]);
            _assertReverts(c, abi.encodeWithSelector(ITipSplitter.AmountTooLarge.selector, amounts[i], maximum));
        }
    }

    // 3: on every rail
    function test_reverts_whenAnAccountIsReserved() public {
        bytes32[2] memory reserved = [bytes32(0), PLATFORM];
        for (uint256 i = 0; i < reserved.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(ITipSplitter.ReservedAccount.selector, reserved[i]);
            for (uint8 rail = 0; rail < 5; ++rail) {
                _assertReverts(_prepare(ITipSplitter.Rail(rail), reserved[i], AGENT, AMOUNT), reason);
                _assertReverts(_prepare(ITipSplitter.Rail(rail), CREATOR, reserved[i], AMOUNT), reason);
            }
        }
    }

    // 3
    function test_reverts_whenThePayerApprovedTooLittle() public {
        Call memory c = _prepareTip(CREATOR, AGENT, AMOUNT);
        vm.prank(payer);
        usdc.approve(address(splitter), AMOUNT - 1);
        _assertUsdcRefuses(c, "ERC20: transfer amount exceeds allowance");
    }

    // 3: the last leg fails too late to leave anything behind
    function test_reverts_whenThePayerHasTooLittle() public {
        uint256 balance = usdc.balanceOf(payer);
        Call memory c = _prepareTip(CREATOR, AGENT, balance + 1);
        _assertUsdcRefuses(c, "ERC20: transfer amount exceeds balance");
    }

    // 3, 12: a wallet is held for only because USDC says so, not because the leg failed
    function test_reverts_whenUsdcIsPaused() public {
        for (uint8 rail = 0; rail < 5; ++rail) {
            Call memory c = _prepare(ITipSplitter.Rail(rail));
            vm.prank(CIRCLE);
            usdc.pause();
            if (ITipSplitter.Rail(rail) == ITipSplitter.Rail.Flush) _assertReverts(c, _transferFailed(creatorWallet));
            else _assertUsdcRefuses(c, "Pausable: paused");
            vm.prank(CIRCLE);
            usdc.unpause();
            _send(c);
        }
    }

    /// @dev A vault keeps no reason.
    function _transferFailed(address to) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ITipSplitter.TransferFailed.selector, to, 200_000);
    }

    // 7: an approval to us is no licence for others to spend it
    function test_onlyTheCallersOwnMoneyIsPulled() public {
        vm.prank(payer);
        usdc.approve(address(splitter), AMOUNT);
        Call memory c = Call(anyone, abi.encodeCall(splitter.tip, (CREATOR, AGENT, AMOUNT, REF)));
        _assertUsdcRefuses(c, "ERC20: transfer amount exceeds allowance");
        vm.assertEq(usdc.allowance(payer, address(splitter)), AMOUNT, "allowance");
    }
}
