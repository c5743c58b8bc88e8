// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

contract SetMinTipTest is Base {
    // 3
    function testFuzz_isTheSmallestTip(uint64 minTip) public {
        minTip = 100 + minTip % 100_000_000;
        vm.recordLogs();
        vm.prank(admin);
        splitter.setMinTip(minTip);
        vm.assertEq(_theLog(ITipSplitter.MinTipSet.selector).data, abi.encode(minTip), "event");
        vm.assertEq(splitter.minTip(), minTip, "minimum");
        vm.assertEq(splitter.treasury(), treasury, "its slot's neighbour");
        for (uint8 rail = 0; rail < 4; ++rail) {
            _assertReverts(
                _prepare(ITipSplitter.Rail(rail), CREATOR, AGENT, minTip - 1),
                abi.encodeWithSelector(ITipSplitter.TipBelowMinimum.selector, minTip - 1, minTip)
            );
            Books memory before = _books();
            _send(_prepare(ITipSplitter.Rail(rail), CREATOR, AGENT, minTip));
            _assertTipped(before, minTip, 0);
        }
    }

    // 2: below a hundred units the agent's share would be nothing
    function test_reverts_whenBelowAHundredUnits() public {
        for (uint64 minTip = 0; minTip < 100; minTip += 33) {
            bytes memory reason = abi.encodeWithSelector(ITipSplitter.MinTipTooLow.selector, minTip, 100);
            _assertReverts(Call(admin, abi.encodeCall(splitter.setMinTip, (minTip))), reason);
        }
        vm.prank(admin);
        splitter.setMinTip(100);
        vm.prank(admin);
        splitter.setMinTip(type(uint64).max);
    }
}
