// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

contract BlacklistTest is Base {
    // 2, 4, 14: any of the three, or all, on every rail: the others are paid
    function test_holdsForWhomUsdcRefusesAndPaysTheOthers() public {
        for (uint8 rail = 0; rail < 5; ++rail) {
            for (uint8 heldMask = 1; heldMask < 8; ++heldMask) {
                uint256 snapshot = vm.snapshotState();
                if (heldMask & CREATOR_HELD != 0) _blacklist(creatorWallet);
                if (heldMask & PLATFORM_HELD != 0) _blacklist(treasury);
                if (heldMask & AGENT_HELD != 0) _blacklist(agentWallet);
                Books memory before = _books();
                vm.recordLogs();
                _tip(ITipSplitter.Rail(rail));
                _assertTipped(before, AMOUNT, heldMask);
                _assertHeld(CREATOR, heldMask & CREATOR_HELD, 200_000);
                _assertHeld(PLATFORM, heldMask & PLATFORM_HELD, 47_500);
                _assertHeld(AGENT, heldMask & AGENT_HELD, 2_500);
                _assertLogged(heldMask);
                vm.revertToState(snapshot);
            }
        }
    }

    // 4: why it was held
    function test_logsThatUsdcRefused() public {
        _blacklist(creatorWallet);
        vm.recordLogs();
        _tip(ITipSplitter.Rail.Approve);
        Vm.Log memory log = _theLog(ITipSplitter.ShareHeld.selector);
        vm.assertEq(log.data, abi.encode(_expiry(), 200_000, ITipSplitter.HoldReason.Blacklisted), "data");
    }

    // 3: nobody is held for because of the payer
    function test_reverts_whenThePayerIsBlacklisted() public {
        for (uint8 rail = 0; rail < 4; ++rail) {
            Call memory c = _prepare(ITipSplitter.Rail(rail));
            _blacklist(payer);
            _assertUsdcRefuses(c, "Blacklistable: account is blacklisted");
            _blacklist(creatorWallet);
            _blacklist(agentWallet);
            _blacklist(treasury);
            _assertUsdcRefuses(c, "Blacklistable: account is blacklisted");
            _unBlacklist(payer);
            _unBlacklist(creatorWallet);
            _unBlacklist(agentWallet);
            _unBlacklist(treasury);
            _send(c);
        }
    }

    // 3: a splitter that USDC refuses is no reason to hold, nor a place to hold in
    function test_reverts_whenTheSplitterIsBlacklisted() public {
        for (uint8 rail = 0; rail < 3; ++rail) {
            Call memory c = _prepare(ITipSplitter.Rail(rail));
            _blacklist(address(splitter));
            _assertUsdcRefuses(c, "Blacklistable: account is blacklisted");
            _unBlacklist(address(splitter));
            _send(c);
        }
    }

    // 1: what goes through a vault does not touch the splitter, unless it has to hold
    function test_vaultsPayThoughTheSplitterIsBlacklisted() public {
        _blacklist(address(splitter));
        for (uint8 rail = 3; rail < 5; ++rail) {
            Books memory before = _books();
            _tip(ITipSplitter.Rail(rail));
            _assertTipped(before, AMOUNT, 0);
            bytes memory reason =
                abi.encodeWithSelector(ITipSplitter.TransferFailed.selector, address(splitter), 200_000);
            _assertReverts(_prepare(ITipSplitter.Rail(rail), NOBODY, AGENT, AMOUNT), reason);
        }
    }

    // 3, 8: the money stays in the vault until USDC lets it go
    function test_reverts_whenTheVaultIsBlacklisted() public {
        address vault = splitter.vaultOf(CREATOR, AGENT, REF);
        Call memory c = _prepare(ITipSplitter.Rail.Flush);
        _blacklist(vault);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.TransferFailed.selector, creatorWallet, 200_000));
        _blacklist(creatorWallet);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.TransferFailed.selector, address(splitter), 200_000));
        _unBlacklist(creatorWallet);
        _unBlacklist(vault);
        _send(c);
        Call memory tip = _prepare(ITipSplitter.Rail.X402);
        _blacklist(vault);
        _assertUsdcRefuses(tip, "Blacklistable: account is blacklisted");
    }

    // 5: once USDC has changed its mind
    function test_theHeldShareCanBeClaimedAfterwards() public {
        _blacklist(creatorWallet);
        uint64 expiry = _expiry();
        _tip(ITipSplitter.Rail.X402);
        _unBlacklist(creatorWallet);
        splitter.claim(CREATOR, _one(expiry));
        vm.assertEq(usdc.balanceOf(creatorWallet), 200_000, "claimed");
    }

    function _assertHeld(bytes32 accountId, uint8 expected, uint256 share) private view {
        vm.assertEq(splitter.held(accountId, _expiry()), expected == 0 ? 0 : share, "bucket");
    }

    function _assertLogged(uint8 heldMask) private {
        Vm.Log memory log = _theLog(ITipSplitter.TipSplit.selector);
        (, uint96 amount,,, address toCreator, address toAgent, uint8 said,) =
            abi.decode(log.data, (bytes32, uint96, uint96, uint96, address, address, uint8, ITipSplitter.Rail));
        vm.assertEq(amount, AMOUNT, "amount");
        vm.assertEq(toCreator, creatorWallet, "creator's wallet");
        vm.assertEq(toAgent, agentWallet, "agent's wallet");
        vm.assertEq(said, heldMask, "held mask");
    }
}
