// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

interface IVault {
    struct Leg {
        address to;
        uint256 amount;
    }

    error NotTheSplitter();

    function pay(Leg[3] calldata legs) external returns (uint256 unpaid);
}

contract DeployVaultsTest is Base {
    // 8
    function test_deploysFiveWhereTheyWereExpected() public {
        ITipSplitter.VaultTerms[] memory terms = _terms(5);
        vm.recordLogs();
        splitter.deployVaults(terms);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 5, "one event each");
        for (uint256 i = 0; i < 5; ++i) {
            address vault = splitter.vaultOf(CREATOR, AGENT, terms[i].ref);
            vm.assertTrue(vault.code.length > 0, "code");
            vm.assertEq(logs[i].topics[0], ITipSplitter.VaultDeployed.selector, "event");
            vm.assertEq(logs[i].topics[1], bytes32(uint256(uint160(vault))), "vault");
            vm.assertEq(logs[i].topics[2], terms[i].ref, "ref");
            vm.assertEq(logs[i].topics[3], CREATOR, "creator");
            vm.assertEq(logs[i].data, abi.encode(AGENT), "agent");
        }
    }

    function test_theCodeIsSmall() public {
        splitter.deployVaults(_terms(1));
        uint256 size = splitter.vaultOf(CREATOR, AGENT, REF).code.length;
        vm.assertTrue(size < 500, "a tip may have to pay for each byte");
    }

    function test_skipsThoseThatExist() public {
        ITipSplitter.VaultTerms[] memory terms = _terms(3);
        terms[1] = terms[0];
        splitter.deployVaults(terms);
        vm.recordLogs();
        splitter.deployVaults(terms);
        vm.assertEq(vm.getRecordedLogs().length, 0, "nothing new");
    }

    function test_whoeverDeploysThemTheyPayTheSame() public {
        vm.prank(anyone);
        splitter.deployVaults(_terms(1));
        Books memory before = _books();
        _pay(splitter.vaultOf(CREATOR, AGENT, REF), AMOUNT);
        splitter.flush(CREATOR, AGENT, REF);
        _assertTipped(before, AMOUNT, 0);
    }

    // 8
    function test_reverts_whenAnAccountIsReserved() public {
        bytes32[2] memory reserved = [bytes32(0), PLATFORM];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory reason = abi.encodeWithSelector(ITipSplitter.ReservedAccount.selector, reserved[i]);
            ITipSplitter.VaultTerms[] memory terms = _terms(1);
            terms[0].creatorId = reserved[i];
            vm.expectRevert(reason);
            splitter.deployVaults(terms);
            vm.expectRevert(reason);
            splitter.vaultOf(reserved[i], AGENT, REF);
            terms[0].creatorId = CREATOR;
            terms[0].agentId = reserved[i];
            vm.expectRevert(reason);
            splitter.deployVaults(terms);
            vm.expectRevert(reason);
            splitter.vaultOf(CREATOR, reserved[i], REF);
        }
    }

    // 8: its one door is the splitter's
    function test_reverts_whenAnotherAsksTheVaultToPay() public {
        splitter.deployVaults(_terms(1));
        address vault = splitter.vaultOf(CREATOR, AGENT, REF);
        _pay(vault, AMOUNT);
        address[4] memory callers = [anyone, admin, treasury, creatorWallet];
        for (uint256 i = 0; i < callers.length; ++i) {
            IVault.Leg[3] memory legs =
                [IVault.Leg(callers[i], AMOUNT), IVault.Leg(address(0), 0), IVault.Leg(address(0), 0)];
            vm.prank(callers[i]);
            vm.expectRevert(IVault.NotTheSplitter.selector);
            IVault(vault).pay(legs);
        }
        vm.assertEq(usdc.balanceOf(vault), AMOUNT, "vault");
    }

    // 8: the address is CREATE2 of the three ids and code that no setting changes
    function testFuzz_theAddressDependsOnTheThreeIdsAlone(bytes32 creatorId, bytes32 agentId) public {
        vm.assume(creatorId != 0 && agentId != 0 && creatorId != PLATFORM && agentId != PLATFORM);
        address before = splitter.vaultOf(creatorId, agentId, REF);
        vm.assertEq(before, _vaultOf(creatorId, agentId), "CREATE2");
        vm.prank(admin);
        splitter.setMinTip(1_000_000);
        vm.assertEq(splitter.vaultOf(creatorId, agentId, REF), before, "a setting moved it");
    }

    function _terms(uint256 count) private pure returns (ITipSplitter.VaultTerms[] memory terms) {
        terms = new ITipSplitter.VaultTerms[](count);
        for (uint256 i = 0; i < count; ++i) {
            terms[i] = ITipSplitter.VaultTerms(CREATOR, AGENT, bytes32(uint256(REF) + i));
        }
    }
}
