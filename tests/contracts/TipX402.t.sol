// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

contract TipX402Test is Base {
    // 1, 2, 8: the first tip deploys the vault
    function test_paysAllThreeThroughTheVault() public {
        (Authorization memory a, Call memory c) = _signed();
        Books memory before = _books();
        vm.recordLogs();
        _send(c);
        _assertTipped(before, AMOUNT, 0);
        _assertFlushed(vm.getRecordedLogs(), AMOUNT, payer, a.nonce, ITipSplitter.Rail.X402);
        vm.assertTrue(a.to.code.length > 0, "deployed");
    }

    // 1
    function test_theSecondTipUsesTheSameVault() public {
        _tip(ITipSplitter.Rail.X402);
        Books memory before = _books();
        (Authorization memory a, Call memory c) = _signed();
        vm.recordLogs();
        _send(c);
        _assertTipped(before, AMOUNT, 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(_count(logs, ITipSplitter.VaultDeployed.selector), 0, "deployed again");
        _assertFlushed(logs, AMOUNT, payer, a.nonce, ITipSplitter.Rail.X402);
    }

    // 1, 4: the pull, the platform's leg and two holds are all that USDC logs
    function test_holdsFromTheVault() public {
        Call memory c = _prepareX402(NOBODY, NO_AGENT, AMOUNT);
        Books memory before = _books();
        vm.recordLogs();
        _send(c);
        _assertTipped(before, AMOUNT, CREATOR_HELD | AGENT_HELD);
        vm.assertEq(_count(vm.getRecordedLogs(), keccak256("Transfer(address,address,uint256)")), 4, "transfers");
    }

    // 11: the authorization alone brings the money where only the same split can take it
    function test_aFrontRunAuthorizationIsSplitAllTheSame() public {
        (Authorization memory a, Call memory c) = _signed();
        Books memory before = _books();
        _transferWithAuthorization(a, _signTransfer(PAYER_KEY, a));
        vm.recordLogs();
        _send(c);
        _assertTipped(before, AMOUNT, 0);
        _assertFlushed(vm.getRecordedLogs(), AMOUNT, address(0), 0, ITipSplitter.Rail.Flush);
    }

    // 11, 3: what was front-run and flushed is gone from here; the tip is not paid twice
    function test_reverts_whenItWasFrontRunAndFlushed() public {
        (Authorization memory a, Call memory c) = _signed();
        _transferWithAuthorization(a, _signTransfer(PAYER_KEY, a));
        splitter.flush(CREATOR, AGENT, REF);
        _assertUsdcRefuses(c, "FiatTokenV2: authorization is used or canceled");
    }

    // 11
    function test_reverts_whenReplayed() public {
        (, Call memory c) = _signed();
        _send(c);
        _assertUsdcRefuses(c, "FiatTokenV2: authorization is used or canceled");
    }

    // 11, 3
    function test_reverts_whenThePayerCancelled() public {
        (Authorization memory a, Call memory c) = _signed();
        _cancelAuthorization(PAYER_KEY, a.nonce);
        _assertUsdcRefuses(c, "FiatTokenV2: authorization is used or canceled");
    }

    // 11: a cancelled authorization names no payer, though there is money to split
    function test_aCancelledAuthorizationNamesNobody() public {
        (Authorization memory a, Call memory c) = _signed();
        _cancelAuthorization(PAYER_KEY, a.nonce);
        _mint(a.to, AMOUNT);
        vm.recordLogs();
        _send(c);
        _assertFlushed(vm.getRecordedLogs(), AMOUNT, address(0), 0, ITipSplitter.Rail.Flush);
        vm.assertEq(usdc.balanceOf(payer), 1_000_000_000, "the payer paid nothing");
    }

    // 1, 2: the whole balance is split, and is nobody's tip alone
    function test_straysInTheVaultAreSplitWithoutAPayer() public {
        (Authorization memory a, Call memory c) = _signed();
        _mint(a.to, 1);
        vm.recordLogs();
        _send(c);
        _assertFlushed(vm.getRecordedLogs(), AMOUNT + 1, address(0), 0, ITipSplitter.Rail.X402);
        vm.assertEq(usdc.balanceOf(creatorWallet), 200_001, "creator gets the dust");
        vm.assertEq(usdc.balanceOf(a.to), 0, "vault");
    }

    // 11
    function test_reverts_whenAnyTermWasChanged() public {
        (Authorization memory a,) = _signed();
        bytes memory signature = _signTransfer(PAYER_KEY, a);
        // The vault of other terms is another payee than the one who was signed for.
        _assertUsdcRefuses(_x402Call(NOBODY, AGENT, a, signature), "FiatTokenV2: invalid signature");
        _assertUsdcRefuses(_x402Call(CREATOR, NO_AGENT, a, signature), "FiatTokenV2: invalid signature");
        a.value += 1;
        _assertUsdcRefuses(_x402Call(CREATOR, AGENT, a, signature), "FiatTokenV2: invalid signature");
        a.value -= 1;
        a.nonce = 0;
        _assertUsdcRefuses(_x402Call(CREATOR, AGENT, a, signature), "FiatTokenV2: invalid signature");
    }

    // 3
    function test_reverts_outsideItsWindow() public {
        address vault = splitter.vaultOf(CREATOR, AGENT, REF);
        Authorization memory a =
            Authorization(payer, vault, AMOUNT, block.timestamp, block.timestamp + 2, keccak256("nonce"));
        Call memory c = _x402Call(CREATOR, AGENT, a, _signTransfer(PAYER_KEY, a));
        _assertUsdcRefuses(c, "FiatTokenV2: authorization is not yet valid");
        vm.warp(block.timestamp + 2);
        _assertUsdcRefuses(c, "FiatTokenV2: authorization is expired");
        vm.warp(block.timestamp - 1);
        _send(c);
    }

    // 3
    function test_reverts_whenAmountIsBelowMinimum() public {
        Call memory c = _prepareX402(CREATOR, AGENT, MIN_TIP - 1);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.TipBelowMinimum.selector, MIN_TIP - 1, MIN_TIP));
    }

    // 9: paused, the money that reached the vault is still split
    function test_pauseStopsTheTipAndNotTheFlush() public {
        (Authorization memory a, Call memory c) = _signed();
        Books memory before = _books();
        vm.prank(pauser);
        splitter.pause();
        _transferWithAuthorization(a, _signTransfer(PAYER_KEY, a));
        (bool ok,) = _try(c);
        vm.assertFalse(ok, "tipped while paused");
        splitter.flush(CREATOR, AGENT, REF);
        _assertTipped(before, AMOUNT, 0);
    }

    // 11: signatures of any length reach USDC unharmed, and none but the payer's passes
    function testFuzz_noOtherSignaturePasses(bytes calldata signature) public {
        (Authorization memory a,) = _signed();
        vm.assume(keccak256(signature) != keccak256(_signTransfer(PAYER_KEY, a)));
        Books memory before = _books();
        (bool ok,) = _try(_x402Call(CREATOR, AGENT, a, signature));
        vm.assertFalse(ok, "accepted");
        _assertSame(before, _books());
    }

    function _signed() private returns (Authorization memory a, Call memory c) {
        a = Authorization(payer, splitter.vaultOf(CREATOR, AGENT, REF), AMOUNT, 0, FAR, _salt());
        c = _x402Call(CREATOR, AGENT, a, _signTransfer(PAYER_KEY, a));
    }

    function _assertFlushed(Vm.Log[] memory logs, uint256 amount, address from, bytes32 nonce, ITipSplitter.Rail rail)
        private
        view
    {
        vm.assertEq(_count(logs, ITipSplitter.VaultFlushed.selector), 1, "VaultFlushed");
        vm.assertEq(_count(logs, ITipSplitter.TipSplit.selector), 1, "TipSplit");
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 topic = logs[i].topics[0];
            if (topic == ITipSplitter.VaultFlushed.selector) {
                vm.assertEq(
                    logs[i].topics[1], bytes32(uint256(uint160(splitter.vaultOf(CREATOR, AGENT, REF)))), "vault"
                );
                vm.assertEq(logs[i].topics[2], REF, "ref");
                vm.assertEq(logs[i].topics[3], bytes32(uint256(uint160(from))), "payer of the flush");
                vm.assertEq(logs[i].data, abi.encode(amount, nonce), "amount and nonce");
            } else if (topic == ITipSplitter.TipSplit.selector) {
                vm.assertEq(logs[i].topics[3], bytes32(uint256(uint160(from))), "payer of the split");
                (,,,,,,, ITipSplitter.Rail said) = abi.decode(
                    logs[i].data, (bytes32, uint96, uint96, uint96, address, address, uint8, ITipSplitter.Rail)
                );
                vm.assertEq(uint256(said), uint256(rail), "rail");
            }
        }
    }

    function _count(Vm.Log[] memory logs, bytes32 topic) private pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) ++count;
        }
    }
}
