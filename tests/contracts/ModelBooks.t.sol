// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {LogBook} from "./LogBook.t.sol";
import {vm} from "./Vm.sol";

/// @title The model's own books: who has which USDC, what is held for whom
/// @dev It never asks the contract for an amount.
abstract contract ModelBooks is LogBook {
    bytes32[5] public accounts;
    address[] public parties;
    uint64[] public expiries;
    /// @notice What everybody's balance must be.
    mapping(address party => uint256) public balance;
    /// @notice What every bucket must hold.
    mapping(bytes32 accountId => mapping(uint64 expiry => uint256)) public bucket;
    /// @notice The first answer that was not the expected one.
    string public surprise;
    mapping(string action => uint256) public done;

    mapping(address account => bool) internal blacklisted;
    bool internal usdcPaused;

    /// @dev All the gas there is, unless an action says otherwise.
    uint256 internal constant PLENTY = 30_000_000;

    // ------------------------------------------------------------------------------------------------------- what moves

    function _share(address source, bytes32 creatorId, bytes32 agentId, uint256 amount) internal {
        (uint256 creatorShare, uint256 platformShare, uint256 agentShare) = _shares(amount);
        _deliver(source, creatorId, _activeWallet(creatorId), creatorShare);
        _deliver(source, PLATFORM, splitter.treasury(), platformShare);
        _deliver(source, agentId, _activeWallet(agentId), agentShare);
    }

    function _deliver(address source, bytes32 accountId, address wallet, uint256 share) private {
        if (!_mustHold(wallet)) {
            _move(source, wallet, share);
            return;
        }
        _move(source, address(splitter), share);
        bucket[accountId][_expiry()] += share;
        if (expiries.length == 0 || expiries[expiries.length - 1] != _expiry()) expiries.push(_expiry());
    }

    /// @dev All expiries that ever were, each twice.
    function _release(bytes32 accountId, address to, bool claiming) internal {
        uint256 due;
        for (uint256 i = 0; i < expiries.length; ++i) {
            if (claiming == (block.timestamp < expiries[i])) due += bucket[accountId][expiries[i]];
        }
        Call memory c = Call(anyone, _releaseData(accountId, claiming));
        bool expected = due > 0 && _takes(to) && !blacklisted[address(splitter)];
        if (!_expect(c, expected, claiming ? "claim" : "sweep")) return;
        _move(address(splitter), to, due);
        for (uint256 i = 0; i < expiries.length; ++i) {
            if (claiming == (block.timestamp < expiries[i])) bucket[accountId][expiries[i]] = 0;
        }
    }

    function _releaseData(bytes32 accountId, bool claiming) internal view returns (bytes memory) {
        uint64[] memory asked = new uint64[](2 * expiries.length);
        for (uint256 i = 0; i < expiries.length; ++i) {
            asked[2 * i] = asked[2 * i + 1] = expiries[i];
        }
        if (claiming) return abi.encodeCall(splitter.claim, (accountId, asked));
        return abi.encodeCall(splitter.sweep, (accountId, asked));
    }

    function _move(address from, address to, uint256 amount) internal {
        balance[from] -= amount;
        balance[to] += amount;
    }

    // -------------------------------------------------------------------------------------------------- what is expected

    function _expect(Call memory c, bool expected, string memory action) internal returns (bool ok) {
        return _expectWithin(PLENTY, c, expected, action);
    }

    /// @dev With little gas it may fail, but never do anything else than it would with plenty.
    function _expectWithin(uint256 gasLimit, Call memory c, bool expected, string memory action)
        internal
        returns (bool ok)
    {
        vm.recordLogs();
        vm.prank(c.sender);
        (ok,) = address(splitter).call{gas: gasLimit}(c.data);
        if (ok) _readLogs();
        else vm.getRecordedLogs(); // forge keeps those of calls that failed, too
        bool surprising = ok ? !expected : expected && gasLimit == PLENTY;
        if (surprising && bytes(surprise).length == 0) {
            surprise = string.concat(action, ok ? " succeeded" : " failed");
        }
        if (ok) ++done[action];
    }

    function _payerCanPay() internal view returns (bool) {
        return _takes(payer);
    }

    function _takes(address account) internal view returns (bool) {
        return account != address(0) && !usdcPaused && !blacklisted[account];
    }

    function _mustHold(address wallet) private view returns (bool) {
        return wallet == address(0) || blacklisted[wallet];
    }

    /// @dev What a share that must be held needs: a splitter that USDC lets have it.
    function _canDeliver(bytes32 creatorId, bytes32 agentId) internal view returns (bool) {
        bool holds =
            _mustHold(_activeWallet(creatorId)) || _mustHold(_activeWallet(agentId)) || _mustHold(splitter.treasury());
        return !usdcPaused && !(holds && blacklisted[address(splitter)]);
    }

    function _canSplit(address vault, uint256 content, bytes32 creatorId, bytes32 agentId)
        internal
        view
        returns (bool)
    {
        return content >= 100 && !blacklisted[vault] && _canDeliver(creatorId, agentId);
    }

    function _activeWallet(bytes32 accountId) internal view returns (address) {
        (address wallet, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        return status == ITipSplitter.WalletStatus.Active ? wallet : address(0);
    }
}
