// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev Another token that somebody sent here by mistake.
contract OtherToken {
    mapping(address => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

contract RescueTest is Base {
    // 4, 10
    function testFuzz_reachesTheStraysAlone(uint64 strays, uint64 amount) public {
        _tip(NOBODY, NO_AGENT);
        if (strays != 0) _mint(address(splitter), strays);
        uint256 before = usdc.balanceOf(treasury);
        Call memory c = _rescue(address(usdc), amount);
        if (amount > strays) {
            _assertReverts(c, abi.encodeWithSelector(ITipSplitter.RescueExceedsStrays.selector, amount, strays));
        } else {
            _send(c);
            vm.assertEq(usdc.balanceOf(treasury) - before, amount, "treasury");
        }
        vm.assertGe(usdc.balanceOf(address(splitter)), splitter.totalHeld(), "held is backed");
    }

    // 10: what is held is nobody's stray, expired or not
    function test_reverts_whenOnlyHeldMoneyIsHere() public {
        uint64 expiry = _expiry();
        _tip(NOBODY, AGENT);
        vm.warp(expiry + 1);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.RescueExceedsStrays.selector, 1, 0);
        _assertReverts(_rescue(address(usdc), 1), reason);
        reason = abi.encodeWithSelector(ITipSplitter.RescueExceedsStrays.selector, type(uint256).max, 0);
        _assertReverts(_rescue(address(usdc), type(uint256).max), reason);
    }

    function test_sendsOtherTokensToTheTreasury() public {
        OtherToken token = new OtherToken();
        token.mint(address(splitter), 7);
        vm.recordLogs();
        _send(_rescue(address(token), 7));
        vm.assertEq(token.balanceOf(treasury), 7, "treasury");
        Vm.Log memory log = _theLog(ITipSplitter.Rescued.selector);
        vm.assertEq(log.topics[1], bytes32(uint256(uint160(address(token)))), "token");
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(treasury))), "treasury");
        vm.assertEq(log.data, abi.encode(7), "amount");
    }

    // 4: strays are nobody's share
    function test_straysNeverBecomeHeld() public {
        _mint(address(splitter), 1_000_000);
        vm.assertEq(splitter.totalHeld(), 0, "held");
        Books memory before = _books();
        _send(_prepareAuthorization(NOBODY, AGENT, AMOUNT));
        _assertTipped(before, AMOUNT, CREATOR_HELD);
    }

    function _rescue(address token, uint256 amount) private view returns (Call memory) {
        return Call(admin, abi.encodeCall(splitter.rescue, (token, amount)));
    }
}
