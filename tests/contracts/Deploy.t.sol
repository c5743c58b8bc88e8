// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {ISplitter} from "./ISplitter.sol";
import {Vm, vm} from "./Vm.sol";

contract DeployTest is Base {
    // 13: its first treasury and minimum are in the logs too
    function test_startsAsItWasTold() public {
        vm.recordLogs();
        splitter = _deploySplitter(usdc.DOMAIN_SEPARATOR(), otherWallet, 777);
        Vm.Log memory log = _theLog(ITipSplitter.TreasuryChanged.selector);
        vm.assertEq(log.topics[1], 0, "no treasury before");
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(otherWallet))), "treasury's event");
        vm.assertEq(splitter.treasury(), otherWallet, "treasury");
        vm.assertEq(splitter.minTip(), 777, "minimum");
        vm.assertEq(splitter.USDC(), address(usdc), "USDC");
        vm.assertEq(splitter.defaultAdmin(), admin, "admin");
        vm.assertEq(splitter.PLATFORM_ID(), keccak256("molt.studios.platform"), "platform's id");
        vm.assertEq(splitter.REGISTRAR_ROLE(), keccak256("REGISTRAR_ROLE"), "registrar's role");
        vm.assertEq(splitter.PAUSER_ROLE(), keccak256("PAUSER_ROLE"), "pauser's role");
        vm.assertEq(splitter.AUDITOR_ROLE(), keccak256("AUDITOR_ROLE"), "auditor's role");
        vm.assertEq(splitter.totalHeld(), 0, "held");
        vm.assertFalse(splitter.paused() || splitter.registrationFrozen(), "open");
    }

    function test_fitsAnyChain() public view {
        vm.assertTrue(address(splitter).code.length <= 24_576, "EIP-170");
    }

    // 11: payers sign over USDC's domain: it must be the one the deployer thinks it is
    function test_reverts_whenUsdcsDomainIsAnother() public {
        bytes32 actual = usdc.DOMAIN_SEPARATOR();
        bytes32 expected = keccak256("USD Coin");
        vm.expectRevert(abi.encodeWithSelector(ITipSplitter.UnexpectedUsdcDomain.selector, expected, actual));
        this.deploy(expected, treasury, MIN_TIP);
    }

    // 11: on a chain where USDC's separator and its name, version and chain id tell different stories
    function test_reverts_whenUsdcContradictsItself() public {
        _upgradeUsdc(address(new AnotherName()));
        bytes32 said = usdc.DOMAIN_SEPARATOR();
        bytes32 typehash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 computed = keccak256(abi.encode(typehash, keccak256("USD Coin"), keccak256("2"), 84532, usdc));
        vm.expectRevert(abi.encodeWithSelector(ITipSplitter.UnexpectedUsdcDomain.selector, said, computed));
        this.deploy(said, treasury, MIN_TIP);
        vm.expectRevert(abi.encodeWithSelector(ITipSplitter.UnexpectedUsdcDomain.selector, computed, said));
        this.deploy(computed, treasury, MIN_TIP);
    }

    // 7
    function test_reverts_whenTheTreasuryWouldLoseTheMoney() public {
        bytes32 domain = usdc.DOMAIN_SEPARATOR();
        address[2] memory lost = [address(0), address(usdc)];
        for (uint256 i = 0; i < lost.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ITipSplitter.InvalidTreasury.selector, lost[i]));
            this.deploy(domain, lost[i], MIN_TIP);
        }
    }

    function test_reverts_whenTheMinimumIsTooLow() public {
        bytes32 domain = usdc.DOMAIN_SEPARATOR();
        vm.expectRevert(abi.encodeWithSelector(ITipSplitter.MinTipTooLow.selector, 99, 100));
        this.deploy(domain, treasury, 99);
    }

    /// @dev From outside, so that a failing constructor is a failing call.
    function deploy(bytes32 domain, address firstTreasury, uint64 minTip) external returns (ISplitter) {
        return _deploySplitter(domain, firstTreasury, minTip);
    }
}

/// @dev A token whose separator is not made of what it says of itself.
contract AnotherName {
    string public constant name = "USD Coin";
    string public constant version = "2";
    bytes32 public constant DOMAIN_SEPARATOR = keccak256("another");
}
