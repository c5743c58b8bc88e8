// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

contract AnchorAuditTest is Base {
    // 13
    function testFuzz_logsTheRoot(bytes32 root, uint64 first, uint64 last) public {
        Call memory c = Call(auditor, abi.encodeCall(splitter.anchorAudit, (root, first, last)));
        if (first > last) {
            _assertReverts(c, abi.encodeWithSelector(ITipSplitter.InvalidAuditRange.selector, first, last));
            return;
        }
        vm.recordLogs();
        _send(c);
        vm.assertEq(_theLog(ITipSplitter.AuditRoot.selector).data, abi.encode(root, first, last), "data");
    }

    function test_aRangeMayBeOneEvent() public {
        _send(Call(auditor, abi.encodeCall(splitter.anchorAudit, (keccak256("root"), 7, 7))));
    }
}
