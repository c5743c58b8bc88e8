// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

/// @title A ledger that knows nothing but the logs, as the indexer does
abstract contract LogBook is Base {
    struct Wallet {
        address wallet;
        ITipSplitter.WalletStatus status;
        address next;
        uint64 readyAt;
        bool vetoed;
    }

    mapping(bytes32 accountId => mapping(uint64 expiry => uint256)) private ledgerHeld;
    mapping(bytes32 accountId => Wallet) private ledgerWallets;
    mapping(bytes32 accountId => uint256) internal ledgerEarned;
    uint64[] private ledgerExpiries;
    uint256 internal ledgerTotal;
    address private ledgerTreasury;
    uint64 private ledgerMinTip;
    bool private ledgerPaused;
    bool private ledgerFrozen;

    /// @dev Takes in what was logged since `vm.recordLogs` or the last time.
    function _readLogs() internal {
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
            uint256 known = ledgerExpiries.length;
            if (known == 0 || ledgerExpiries[known - 1] != expiry) ledgerExpiries.push(expiry);
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

    /// @dev The settings, and of these accounts wallets and buckets.
    function _assertRebuilt(bytes32[] memory accounts) internal view {
        vm.assertEq(ledgerTotal, splitter.totalHeld(), "total");
        vm.assertEq(ledgerTreasury, splitter.treasury(), "treasury");
        vm.assertEq(ledgerMinTip, splitter.minTip(), "minimum");
        vm.assertTrue(ledgerPaused == splitter.paused(), "paused");
        vm.assertTrue(ledgerFrozen == splitter.registrationFrozen(), "frozen");
        for (uint256 i = 0; i < accounts.length; ++i) {
            _assertWalletRebuilt(accounts[i]);
            for (uint256 k = 0; k < ledgerExpiries.length; ++k) {
                uint64 expiry = ledgerExpiries[k];
                vm.assertEq(ledgerHeld[accounts[i]][expiry], splitter.held(accounts[i], expiry), "bucket");
            }
        }
    }

    function _assertWalletRebuilt(bytes32 accountId) private view {
        Wallet memory rebuilt = ledgerWallets[accountId];
        (address wallet, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        vm.assertEq(rebuilt.wallet, wallet, "wallet");
        vm.assertTrue(rebuilt.status == status, "status");
        ITipSplitter.Rotation memory rotation = splitter.rotationOf(accountId);
        vm.assertEq(rebuilt.next, rotation.wallet, "announced wallet");
        vm.assertEq(rebuilt.readyAt, rotation.readyAt, "ready at");
        vm.assertTrue(rebuilt.vetoed == rotation.vetoed, "vetoed");
    }

    function _address(bytes32 topic) private pure returns (address) {
        return address(uint160(uint256(topic)));
    }
}
