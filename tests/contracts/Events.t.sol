// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Rotations} from "./Rotations.t.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev A ledger that knows nothing but the logs, as the indexer does.
contract EventsTest is Rotations {
    struct Wallet {
        address wallet;
        ITipSplitter.WalletStatus status;
        address next;
        uint64 readyAt;
        bool vetoed;
    }

    mapping(bytes32 accountId => mapping(uint64 expiry => uint256)) private ledgerHeld;
    mapping(bytes32 accountId => Wallet) private ledgerWallets;
    mapping(bytes32 accountId => uint256) private ledgerEarned;
    bytes32[] private accounts;
    uint64[] private expiries;
    uint256 private ledgerTotal;
    address private ledgerTreasury;
    uint64 private ledgerMinTip;
    bool private ledgerPaused;
    bool private ledgerFrozen;

    function setUp() public override {
        vm.recordLogs();
        super.setUp();
        accounts = [CREATOR, AGENT, NOBODY, NO_AGENT, PLATFORM];
    }

    // 13: a fortnight in which everything happens
    function test_theLogsAloneRebuildTheStorage() public {
        _live();
        _rebuild();
        vm.assertEq(ledgerTotal, splitter.totalHeld(), "total");
        vm.assertTrue(ledgerTotal > 0, "something is held in the end");
        vm.assertEq(ledgerTreasury, splitter.treasury(), "treasury");
        vm.assertEq(ledgerMinTip, splitter.minTip(), "minimum");
        vm.assertTrue(ledgerPaused == splitter.paused(), "paused");
        vm.assertTrue(ledgerFrozen == splitter.registrationFrozen(), "frozen");
        for (uint256 i = 0; i < accounts.length; ++i) {
            _assertWalletRebuilt(accounts[i]);
            for (uint256 k = 0; k < expiries.length; ++k) {
                uint256 bucket = splitter.held(accounts[i], expiries[k]);
                vm.assertEq(ledgerHeld[accounts[i]][expiries[k]], bucket, "bucket");
            }
        }
    }

    // 13: what the logs call paid is what the wallets have
    function test_theLogsAloneTellWhoEarnedWhat() public {
        for (uint8 rail = 0; rail < 5; ++rail) {
            _tip(ITipSplitter.Rail(rail));
        }
        _blacklist(agentWallet);
        _tip(ITipSplitter.Rail.X402);
        _rebuild();
        vm.assertEq(ledgerEarned[CREATOR], usdc.balanceOf(creatorWallet), "creator");
        vm.assertEq(ledgerEarned[AGENT], usdc.balanceOf(agentWallet), "agent");
        vm.assertEq(ledgerEarned[PLATFORM], usdc.balanceOf(treasury), "platform");
    }

    /// @dev Holds for all reasons, claims, sweeps, wallets of every fate, another treasury, a frozen registry.
    function _live() private {
        uint64 first = _expiry();
        _tip(NOBODY, NO_AGENT);
        _tip(NOBODY, AGENT);
        _blacklist(creatorWallet);
        _send(_prepareX402(CREATOR, AGENT, AMOUNT));
        _unBlacklist(creatorWallet);
        vm.warp(block.timestamp + 1 days);
        _blacklist(treasury);
        _send(_prepareAuthorization(CREATOR, NO_AGENT, AMOUNT));
        _unBlacklist(treasury);
        _register(NOBODY, OTHER_KEY);
        splitter.claim(NOBODY, _one(first));
        vm.warp(_startRotation());
        _send(_confirm());
        vm.prank(otherWallet);
        splitter.revoke(CREATOR);
        _register(CREATOR, CREATOR_KEY);
        _startRotation(AGENT, OTHER_KEY);
        vm.prank(agentWallet);
        splitter.cancelRotation(AGENT);
        vm.startPrank(admin);
        splitter.proposeTreasury(otherWallet);
        splitter.setMinTip(123_456);
        vm.stopPrank();
        vm.prank(otherWallet);
        splitter.acceptTreasury();
        vm.warp(first);
        splitter.sweep(NO_AGENT, _one(first));
        _tip(NOBODY, NO_AGENT);
        _tip(CREATOR, AGENT);
        vm.startPrank(pauser);
        splitter.pause();
        splitter.unpause();
        splitter.pause();
        splitter.freezeRegistration();
        vm.stopPrank();
        _tip(ITipSplitter.Rail.Flush);
    }

    function _rebuild() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(splitter)) continue;
            _recordMoney(logs[i]);
            _recordWallet(logs[i]);
            _recordSetting(logs[i]);
        }
    }

    function _recordMoney(Vm.Log memory log) private {
        bytes32 topic = log.topics[0];
        if (topic == ITipSplitter.TipSplit.selector) {
            _recordTip(log);
        } else if (topic == ITipSplitter.ShareHeld.selector) {
            (uint64 expiry, uint96 share,) = abi.decode(log.data, (uint64, uint96, ITipSplitter.HoldReason));
            ledgerHeld[log.topics[1]][expiry] += share;
            ledgerTotal += share;
            expiries.push(expiry);
        } else if (topic == ITipSplitter.ShareClaimed.selector || topic == ITipSplitter.ShareSwept.selector) {
            (uint64 expiry, uint96 share) = abi.decode(log.data, (uint64, uint96));
            ledgerHeld[log.topics[1]][expiry] -= share;
            ledgerTotal -= share;
        }
    }

    function _recordTip(Vm.Log memory log) private {
        (bytes32 agentId, uint96 amount, uint96 creatorShare, uint96 agentShare,,, uint8 heldMask,) =
            abi.decode(log.data, (bytes32, uint96, uint96, uint96, address, address, uint8, ITipSplitter.Rail));
        if (heldMask & CREATOR_HELD == 0) ledgerEarned[log.topics[2]] += creatorShare;
        if (heldMask & AGENT_HELD == 0) ledgerEarned[agentId] += agentShare;
        if (heldMask & PLATFORM_HELD == 0) ledgerEarned[PLATFORM] += amount - creatorShare - agentShare;
    }

    function _recordWallet(Vm.Log memory log) private {
        bytes32 topic = log.topics[0];
        if (log.topics.length < 2) return;
        Wallet storage account = ledgerWallets[log.topics[1]];
        if (topic == ITipSplitter.WalletSet.selector) {
            ledgerWallets[log.topics[1]] =
                Wallet(_address(log.topics[2]), ITipSplitter.WalletStatus.Active, address(0), 0, false);
        } else if (topic == ITipSplitter.WalletRotationStarted.selector) {
            account.next = _address(log.topics[3]);
            account.readyAt = abi.decode(log.data, (uint64));
            account.vetoed = false;
        } else if (topic == ITipSplitter.WalletRotationCancelled.selector) {
            account.vetoed = true;
        } else if (topic == ITipSplitter.WalletRevoked.selector) {
            account.status = ITipSplitter.WalletStatus.Revoked;
        }
    }

    function _recordSetting(Vm.Log memory log) private {
        bytes32 topic = log.topics[0];
        if (topic == ITipSplitter.TreasuryChanged.selector) ledgerTreasury = _address(log.topics[2]);
        if (topic == ITipSplitter.MinTipSet.selector) ledgerMinTip = abi.decode(log.data, (uint64));
        if (topic == ITipSplitter.Paused.selector) ledgerPaused = true;
        if (topic == ITipSplitter.Unpaused.selector) ledgerPaused = false;
        if (topic == ITipSplitter.RegistrationFrozen.selector) ledgerFrozen = true;
        if (topic == ITipSplitter.RegistrationUnfrozen.selector) ledgerFrozen = false;
    }

    function _assertWalletRebuilt(bytes32 accountId) private view {
        Wallet memory rebuilt = ledgerWallets[accountId];
        _assertWallet(accountId, rebuilt.wallet, rebuilt.status);
        ITipSplitter.Rotation memory rotation = splitter.rotationOf(accountId);
        vm.assertEq(rebuilt.next, rotation.wallet, "announced wallet");
        vm.assertEq(rebuilt.readyAt, rotation.readyAt, "ready at");
        vm.assertTrue(rebuilt.vetoed == rotation.vetoed, "vetoed");
    }

    function _address(bytes32 topic) private pure returns (address) {
        return address(uint160(uint256(topic)));
    }
}
