// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

contract TipWithPermitTest is Base {
    // 1, 2
    function test_paysAllThreeWithoutAnApproval() public {
        Call memory c = _preparePermit(CREATOR, AGENT, AMOUNT);
        Books memory before = _books();
        vm.recordLogs();
        _send(c);
        _assertTipped(before, AMOUNT, 0);
        Vm.Log memory log = _theLog(ITipSplitter.TipSplit.selector);
        vm.assertEq(log.topics[3], bytes32(uint256(uint160(payer))), "payer");
        vm.assertEq(usdc.allowance(payer, address(splitter)), 0, "nothing left to spend");
    }

    // 13: the log names the rail
    function test_logsItsRail() public {
        vm.recordLogs();
        _tip(ITipSplitter.Rail.Permit);
        bytes memory expected =
            abi.encode(AGENT, AMOUNT, 200_000, 2_500, creatorWallet, agentWallet, uint8(0), ITipSplitter.Rail.Permit);
        vm.assertEq(_theLog(ITipSplitter.TipSplit.selector).data, expected, "data");
    }

    // 11: somebody submits the permit first
    function test_aFrontRunPermitDoesNotBrickTheTip() public {
        bytes memory signature = _signPermit(PAYER_KEY, address(splitter), AMOUNT, FAR);
        Call memory c = _preparePermit(CREATOR, AGENT, AMOUNT);
        usdc.permit(payer, address(splitter), AMOUNT, FAR, signature);
        Books memory before = _books();
        _send(c);
        _assertTipped(before, AMOUNT, 0);
    }

    // 3
    function test_reverts_whenThePermitWasUsedAndSpent() public {
        Call memory c = _preparePermit(CREATOR, AGENT, AMOUNT);
        _send(c);
        _assertUsdcRefuses(c, "ERC20: transfer amount exceeds allowance");
    }

    // 7, 11: another's permit is nothing to the caller
    function test_reverts_whenAnotherSubmitsThePayersPermit() public {
        Call memory c = _preparePermit(CREATOR, AGENT, AMOUNT);
        c.sender = anyone;
        _assertUsdcRefuses(c, "ERC20: transfer amount exceeds allowance");
    }

    // 11
    function test_reverts_whenThePermitIsForAnotherAmount() public {
        bytes memory signature = _signPermit(PAYER_KEY, address(splitter), AMOUNT - 1, FAR);
        Call memory c =
            Call(payer, abi.encodeCall(splitter.tipWithPermit, (CREATOR, AGENT, AMOUNT, REF, FAR, signature)));
        _assertUsdcRefuses(c, "ERC20: transfer amount exceeds allowance");
    }

    // 3
    function test_reverts_whenThePermitHasExpired() public {
        uint256 deadline = block.timestamp - 1;
        bytes memory signature = _signPermit(PAYER_KEY, address(splitter), AMOUNT, deadline);
        Call memory c =
            Call(payer, abi.encodeCall(splitter.tipWithPermit, (CREATOR, AGENT, AMOUNT, REF, deadline, signature)));
        _assertUsdcRefuses(c, "ERC20: transfer amount exceeds allowance");
    }

    // 3
    function test_reverts_whenAmountIsBelowMinimum() public {
        Call memory c = _preparePermit(CREATOR, AGENT, MIN_TIP - 1);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.TipBelowMinimum.selector, MIN_TIP - 1, MIN_TIP));
    }
}
