// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

contract FlushTest is Base {
    // 1, 2, 8
    function test_splitsAPlainTransferToTheVault() public {
        Books memory before = _books();
        vm.recordLogs();
        _tip(ITipSplitter.Rail.Flush);
        _assertTipped(before, AMOUNT, 0);
        Vm.Log memory log = _theLog(ITipSplitter.VaultFlushed.selector);
        vm.assertEq(log.topics[1], bytes32(uint256(uint160(_vaultOf(CREATOR, AGENT)))), "vault");
        vm.assertEq(log.topics[2], REF, "ref");
        vm.assertEq(log.topics[3], 0, "no payer is known");
        vm.assertEq(log.data, abi.encode(AMOUNT, bytes32(0)), "amount, nonce");
    }

    // 13: several may have paid
    function test_namesNobodyAsThePayerOfTheTip() public {
        vm.recordLogs();
        _tip(ITipSplitter.Rail.Flush);
        vm.assertEq(_theLog(ITipSplitter.TipSplit.selector).topics[3], 0, "payer");
    }

    // 2: the floors belong to the sum, not to what was added
    function test_splitsWhatSeveralSentAtOnce() public {
        address vault = splitter.vaultOf(CREATOR, AGENT, REF);
        Books memory before = _books();
        _pay(vault, 150);
        _pay(vault, 99);
        splitter.flush(CREATOR, AGENT, REF);
        _assertTipped(before, 249, 0);
    }

    // 9: neither the minimum nor pause
    function test_needsAHundredUnitsWhateverTheMinimum() public {
        vm.prank(admin);
        splitter.setMinTip(10_000_000);
        vm.prank(pauser);
        splitter.pause();
        address vault = splitter.vaultOf(CREATOR, AGENT, REF);
        Books memory before = _books();
        _pay(vault, 99);
        vm.expectRevert(abi.encodeWithSelector(ITipSplitter.VaultBelowMinimum.selector, vault, 99, 100));
        splitter.flush(CREATOR, AGENT, REF);
        _pay(vault, 1);
        splitter.flush(CREATOR, AGENT, REF);
        _assertTipped(before, 100, 0);
    }

    // 3
    function test_reverts_whenTheVaultIsEmpty() public {
        Call memory c = Call(anyone, abi.encodeCall(splitter.flush, (CREATOR, AGENT, REF)));
        address vault = splitter.vaultOf(CREATOR, AGENT, REF);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.VaultBelowMinimum.selector, vault, 0, 100));
        _tip(ITipSplitter.Rail.Flush);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.VaultBelowMinimum.selector, vault, 0, 100));
    }

    // 3
    function test_reverts_whenTheVaultHoldsMoreThanUint96() public {
        address vault = splitter.vaultOf(CREATOR, AGENT, REF);
        uint256 balance = uint256(type(uint96).max) + 1;
        _mint(vault, balance);
        Call memory c = Call(anyone, abi.encodeCall(splitter.flush, (CREATOR, AGENT, REF)));
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.AmountTooLarge.selector, balance, type(uint96).max));
    }

    // 8: neither another pair nor another episode reaches the money
    function test_reverts_whenTheMoneyIsInTheVaultOfOtherTerms() public {
        address vault = splitter.vaultOf(CREATOR, AGENT, REF);
        _pay(vault, AMOUNT);
        bytes32[3][4] memory others =
            [[AGENT, CREATOR, REF], [NOBODY, AGENT, REF], [CREATOR, NO_AGENT, REF], [CREATOR, AGENT, CREATOR]];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert();
            splitter.flush(others[i][0], others[i][1], others[i][2]);
        }
        vm.assertEq(usdc.balanceOf(vault), AMOUNT, "vault");
    }

    // 7: revoked or rotated, whoever is registered at the flush is paid
    function test_paysTheWalletOfTheMoment() public {
        _pay(splitter.vaultOf(CREATOR, AGENT, REF), AMOUNT);
        vm.prank(creatorWallet);
        splitter.revoke(CREATOR);
        splitter.flush(CREATOR, AGENT, REF);
        vm.assertEq(splitter.held(CREATOR, _expiry()), 200_000, "held");
        vm.assertEq(usdc.balanceOf(creatorWallet), 0, "revoked wallet");
    }
}
