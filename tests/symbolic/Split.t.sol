// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {vm} from "../contracts/Vm.sol";
import {World} from "./World.sol";

/// @dev Every amount that a tip can have.
contract SplitProof is World {
    // 2: the quotient form, a = 100q + r: floors, sum, and the dust is the creator's
    function check_theRuleInQuotientForm(uint96 hundreds, uint8 rest) public view {
        (uint256 q, uint256 r) = (hundreds, rest);
        uint256 amount = 100 * q + r;
        vm.assume(r < 100);
        vm.assume(amount <= type(uint96).max);
        (uint256 creator, uint256 platform, uint256 agent) = splitter.preview(amount);
        vm.assertEq(agent, q, "agent");
        vm.assertEq(platform, 19 * q + (19 * r) / 100, "platform");
        vm.assertEq(creator, amount - agent - platform, "creator");
    }

    // 2: all of it, and no more
    function check_theSharesSumToTheAmount(uint96 amount) public view {
        (uint256 creator, uint256 platform, uint256 agent) = splitter.preview(amount);
        vm.assertEq(creator + platform + agent, amount, "sum");
    }

    // 2: the dust is the creator's
    function check_theCreatorGetsEightyPercent(uint96 hundreds, uint8 rest) public view {
        (uint256 q, uint256 r) = (hundreds, rest);
        vm.assume(r < 100);
        vm.assume(100 * q + r <= type(uint96).max);
        (uint256 creator,,) = splitter.preview(100 * q + r);
        vm.assertTrue(creator >= 80 * q, "creator");
    }

    // 2: what the other proofs build on
    function check_noShareIsAboveTheAmount(uint96 amount) public view {
        (uint256 creator, uint256 platform, uint256 agent) = splitter.preview(amount);
        vm.assertTrue(creator <= amount, "creator");
        vm.assertTrue(platform <= amount, "platform");
        vm.assertTrue(agent <= amount, "agent");
    }

    // 2: nobody gets nothing from the smallest amount on
    function check_nobodyGetsNothing(uint96 amount) public view {
        vm.assume(amount >= 100);
        (uint256 creator, uint256 platform, uint256 agent) = splitter.preview(amount);
        vm.assertTrue(creator >= 80, "creator");
        vm.assertTrue(platform >= 19, "platform");
        vm.assertTrue(agent >= 1, "agent");
    }
}
