// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {SplitMath} from "../../contracts/src/SplitMath.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

contract SplitTest is Base {
    // 2: the vectors that Python reads too
    function test_agreesWithTheVectors() public view {
        string memory json = vm.readFile("tests/vectors/split.json");
        uint256 count;
        for (string memory row = "[0]"; vm.keyExistsJson(json, row); row = string.concat("[", vm.toString(count), "]")) {
            (uint256 creator, uint256 platform, uint256 agent) =
                splitter.preview(vm.parseJsonUint(json, string.concat(row, ".amount")));
            vm.assertEq(creator, vm.parseJsonUint(json, string.concat(row, ".creator")), "creator");
            vm.assertEq(platform, vm.parseJsonUint(json, string.concat(row, ".platform")), "platform");
            vm.assertEq(agent, vm.parseJsonUint(json, string.concat(row, ".agent")), "agent");
            ++count;
        }
        vm.assertGe(count, 40, "vectors");
    }

    // 2: sum, floors, and the dust is the creator's
    function testFuzz_laws(uint96 amount) public view {
        (uint256 creator, uint256 platform, uint256 agent) = splitter.preview(amount);
        uint256 a = amount;
        vm.assertEq(creator + platform + agent, a, "sum");
        vm.assertTrue(100 * agent <= a && a < 100 * (agent + 1), "agent is the floor of 1 %");
        vm.assertTrue(100 * platform <= 19 * a && 19 * a < 100 * (platform + 1), "platform is the floor of 19 %");
        vm.assertTrue(100 * creator >= 80 * a && 100 * creator < 80 * a + 200, "creator has 80 % and the dust");
    }

    // 2: the quotient form, which divides nothing but a hundred
    function testFuzz_quotientForm(uint96 amount) public view {
        (uint256 creator, uint256 platform, uint256 agent) = splitter.preview(amount);
        (uint256 expectedCreator, uint256 expectedPlatform, uint256 expectedAgent) = _shares(amount);
        vm.assertEq(creator, expectedCreator, "creator");
        vm.assertEq(platform, expectedPlatform, "platform");
        vm.assertEq(agent, expectedAgent, "agent");
    }

    // 2: from the smallest amount on, nobody gets nothing
    function test_nobodyGetsNothingFromTheSmallestAmountOn() public view {
        (uint256 creator, uint256 platform, uint256 agent) = splitter.preview(SplitMath.SMALLEST_AMOUNT);
        vm.assertEq(creator, 80, "creator");
        vm.assertEq(platform, 19, "platform");
        vm.assertEq(agent, 1, "agent");
    }

    // 2: the library is what the contract previews
    function testFuzz_theLibraryIsThePreview(uint96 amount) public view {
        (uint256 creator, uint256 platform, uint256 agent) = splitter.preview(amount);
        (uint256 libraryCreator, uint256 libraryPlatform, uint256 libraryAgent) = SplitMath.split(amount);
        vm.assertTrue(
            creator == libraryCreator && platform == libraryPlatform && agent == libraryAgent, "library differs"
        );
    }
}
