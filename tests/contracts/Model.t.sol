// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

/// @title What the machine does in any order, and a model of what must come of it
/// @dev The model keeps its own books: who has which USDC, what is held for whom. It never asks the contract for an amount.
contract Model is Base {
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

    uint256[4] private keys = [CREATOR_KEY, AGENT_KEY, OTHER_KEY, 0x5EED];
    address[2] private treasuries = [treasury, address(0x74EB)];
    mapping(address account => bool) private blacklisted;
    bool private usdcPaused;

    function setUp() public override {
        super.setUp();
        accounts = [CREATOR, AGENT, NOBODY, NO_AGENT, PLATFORM];
        balance[payer] = usdc.balanceOf(payer);
        parties = [payer, address(splitter), treasuries[0], treasuries[1]];
        for (uint256 i = 0; i < 4; ++i) {
            parties.push(vm.addr(keys[i]));
            for (uint256 k = 0; k < 4; ++k) {
                parties.push(_vaultOf(accounts[i], accounts[k]));
            }
        }
    }

    function partyCount() external view returns (uint256) {
        return parties.length;
    }

    function expiryCount() external view returns (uint256) {
        return expiries.length;
    }

    function theSplitter() external view returns (ITipSplitter) {
        return splitter;
    }

    // ------------------------------------------------------------------------------------------------------- the money

    function tip(uint256 rail, uint256 creator, uint256 agent, uint256 amount) external {
        (bytes32 creatorId, bytes32 agentId) = (accounts[creator % 4], accounts[agent % 4]);
        ITipSplitter.Rail by = ITipSplitter.Rail(rail % 5);
        amount = MIN_TIP + amount % 5_000_000;
        bool asksUsdcFirst = by == ITipSplitter.Rail.Approve || by == ITipSplitter.Rail.Flush;
        if (asksUsdcFirst && !_payerCanPay()) return;
        Call memory c = _prepare(by, creatorId, agentId, amount);
        address source = payer;
        bool expected = _payerCanPay() && !splitter.paused();
        if (by >= ITipSplitter.Rail.X402) {
            source = _vaultOf(creatorId, agentId);
            if (_payerCanPay() && (by == ITipSplitter.Rail.Flush || !splitter.paused())) _move(payer, source, amount);
            (amount, expected) = (balance[source], _canSplit(source, by));
        }
        if (_expect(c, expected, "tip")) _share(source, creatorId, agentId, amount);
    }

    /// @dev An x402 authorization that somebody submits without the tip; then the tip, or not.
    function frontRun(uint256 creator, uint256 agent, uint256 amount, bool tipToo) external {
        if (!_payerCanPay()) return;
        (bytes32 creatorId, bytes32 agentId) = (accounts[creator % 4], accounts[agent % 4]);
        address vault = _vaultOf(creatorId, agentId);
        Authorization memory a = Authorization(payer, vault, MIN_TIP + amount % 5_000_000, 0, FAR, _salt());
        bytes memory signature = _signTransfer(PAYER_KEY, a);
        _transferWithAuthorization(a, signature);
        _move(payer, vault, a.value);
        if (!tipToo) return;
        bool expected = _canSplit(vault, ITipSplitter.Rail.X402);
        if (_expect(_x402Call(creatorId, agentId, a, signature), expected, "front-run")) {
            _share(vault, creatorId, agentId, balance[vault]);
        }
    }

    /// @dev The payer thinks better of it; what strays in the vault is split all the same.
    function cancel(uint256 creator, uint256 agent) external {
        if (!_payerCanPay()) return;
        (bytes32 creatorId, bytes32 agentId) = (accounts[creator % 4], accounts[agent % 4]);
        address vault = _vaultOf(creatorId, agentId);
        Authorization memory a = Authorization(payer, vault, MIN_TIP, 0, FAR, _salt());
        _cancelAuthorization(PAYER_KEY, a.nonce);
        Call memory c = _x402Call(creatorId, agentId, a, _signTransfer(PAYER_KEY, a));
        if (_expect(c, _canSplit(vault, ITipSplitter.Rail.X402), "cancelled")) {
            _share(vault, creatorId, agentId, balance[vault]);
        }
    }

    function claim(uint256 account) external {
        bytes32 accountId = accounts[account % 5];
        (address wallet, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        if (accountId == PLATFORM) wallet = splitter.treasury();
        else if (status != ITipSplitter.WalletStatus.Active) wallet = address(0);
        _release(accountId, wallet, true);
    }

    function sweep(uint256 account) external {
        _release(accounts[account % 5], splitter.treasury(), false);
    }

    function stray(uint256 party, uint256 amount) external {
        amount = 1 + amount % 300;
        address to = party % 2 == 0 ? address(splitter) : _vaultOf(accounts[party / 2 % 4], accounts[party / 8 % 4]);
        if (usdcPaused) return;
        _mint(to, amount);
        balance[to] += amount;
    }

    function rescue(uint256 amount) external {
        uint256 strays = balance[address(splitter)] - splitter.totalHeld();
        amount %= strays + 2;
        address to = splitter.treasury();
        Call memory c = Call(admin, abi.encodeCall(splitter.rescue, (address(usdc), amount)));
        if (_expect(c, amount <= strays && _takes(to), "rescue")) _move(address(splitter), to, amount);
    }

    // ------------------------------------------------------------------------------------------------------- the world

    function wait(uint256 time) external {
        vm.warp(block.timestamp + time % 9 days);
    }

    /// @dev To the very second, or one before it, at which some bucket expires.
    function waitForAnExpiry(uint256 which, bool justBefore) external {
        if (expiries.length == 0) return;
        uint256 instant = expiries[which % expiries.length] - (justBefore ? 1 : 0);
        if (instant > block.timestamp) vm.warp(instant);
    }

    function toggleBlacklist(uint256 who) external {
        address account = [payer, treasuries[0], treasuries[1], vm.addr(keys[who / 6 % 4])][who % 4];
        if (blacklisted[account]) _unBlacklist(account);
        else _blacklist(account);
        blacklisted[account] = !blacklisted[account];
    }

    /// @dev Seldom: nothing moves meanwhile.
    function toggleUsdcPause(uint256 luck) external {
        if (!usdcPaused && luck % 4 != 0) return;
        vm.prank(CIRCLE);
        usdcPaused ? usdc.unpause() : usdc.pause();
        usdcPaused = !usdcPaused;
    }

    function togglePause(uint256 luck) external {
        bool paused = splitter.paused();
        if (!paused && luck % 4 != 0) return;
        vm.prank(pauser);
        paused ? splitter.unpause() : splitter.pause();
    }

    function changeTreasury(uint256 which) external {
        address next = treasuries[which % 2];
        vm.prank(admin);
        splitter.proposeTreasury(next);
        vm.prank(next);
        splitter.acceptTreasury();
    }

    // ------------------------------------------------------------------------------------------------------ the wallets

    function changeWallet(uint256 account, uint256 key, bool coSigned) external {
        bytes32 accountId = accounts[account % 4];
        (address old, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        uint256 nonce = splitter.consentNonce(accountId);
        key = keys[key % 4];
        address next = vm.addr(key);
        bytes memory consent = _signConsent(key, accountId, next, nonce, FAR);
        if (status != ITipSplitter.WalletStatus.Active) {
            _expect(
                Call(registrar, abi.encodeCall(splitter.register, (accountId, next, FAR, consent))), true, "register"
            );
            return;
        }
        bytes memory coSignature = coSigned ? _signRotation(_keyOf(old), accountId, next, nonce, FAR) : bytes("");
        Call memory c = Call(registrar, abi.encodeCall(splitter.rotate, (accountId, next, FAR, consent, coSignature)));
        _expect(c, old != next, "rotate");
    }

    function confirm(uint256 account) external {
        bytes32 accountId = accounts[account % 4];
        ITipSplitter.Rotation memory rotation = splitter.rotationOf(accountId);
        bool expected = rotation.wallet != address(0) && !rotation.vetoed && block.timestamp >= rotation.readyAt;
        _expect(Call(anyone, abi.encodeCall(splitter.confirmRotation, (accountId))), expected, "confirm");
    }

    function veto(uint256 account) external {
        bytes32 accountId = accounts[account % 4];
        ITipSplitter.Rotation memory rotation = splitter.rotationOf(accountId);
        (address old,) = splitter.walletOf(accountId);
        bool expected = rotation.wallet != address(0) && !rotation.vetoed;
        _expect(Call(old, abi.encodeCall(splitter.cancelRotation, (accountId))), expected, "veto");
    }

    /// @dev Seldom: most accounts should be paid.
    function revoke(uint256 account, uint256 luck) external {
        if (luck % 4 != 0) return;
        bytes32 accountId = accounts[account % 4];
        (address old, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        Call memory c = Call(old, abi.encodeCall(splitter.revoke, (accountId)));
        _expect(c, status == ITipSplitter.WalletStatus.Active, "revoke");
    }

    // ------------------------------------------------------------------------------------------------------- the model

    function _share(address source, bytes32 creatorId, bytes32 agentId, uint256 amount) private {
        (uint256 creatorShare, uint256 platformShare, uint256 agentShare) = _shares(amount);
        _deliver(source, creatorId, _activeWallet(creatorId), creatorShare);
        _deliver(source, PLATFORM, splitter.treasury(), platformShare);
        _deliver(source, agentId, _activeWallet(agentId), agentShare);
    }

    function _deliver(address source, bytes32 accountId, address wallet, uint256 share) private {
        if (wallet != address(0) && !blacklisted[wallet]) {
            _move(source, wallet, share);
            return;
        }
        _move(source, address(splitter), share);
        bucket[accountId][_expiry()] += share;
        if (expiries.length == 0 || expiries[expiries.length - 1] != _expiry()) expiries.push(_expiry());
    }

    /// @dev All expiries that ever were, each twice.
    function _release(bytes32 accountId, address to, bool claiming) private {
        uint64[] memory asked = new uint64[](2 * expiries.length);
        uint256 due;
        for (uint256 i = 0; i < expiries.length; ++i) {
            asked[2 * i] = asked[2 * i + 1] = expiries[i];
            if (claiming == (block.timestamp < expiries[i])) due += bucket[accountId][expiries[i]];
        }
        bytes memory data = claiming
            ? abi.encodeCall(splitter.claim, (accountId, asked))
            : abi.encodeCall(splitter.sweep, (accountId, asked));
        if (!_expect(Call(anyone, data), due > 0 && _takes(to), claiming ? "claim" : "sweep")) return;
        _move(address(splitter), to, due);
        for (uint256 i = 0; i < expiries.length; ++i) {
            if (claiming == (block.timestamp < expiries[i])) bucket[accountId][expiries[i]] = 0;
        }
    }

    function _expect(Call memory c, bool expected, string memory action) private returns (bool ok) {
        (ok,) = _try(c);
        if (ok != expected && bytes(surprise).length == 0) {
            surprise = string.concat(action, ok ? " succeeded" : " failed");
        }
        if (ok) ++done[action];
    }

    function _move(address from, address to, uint256 amount) private {
        balance[from] -= amount;
        balance[to] += amount;
    }

    function _payerCanPay() private view returns (bool) {
        return _takes(payer);
    }

    function _takes(address account) private view returns (bool) {
        return account != address(0) && !usdcPaused && !blacklisted[account];
    }

    function _canSplit(address vault, ITipSplitter.Rail by) private view returns (bool) {
        bool open = by == ITipSplitter.Rail.Flush || !splitter.paused();
        return open && !usdcPaused && balance[vault] >= 100;
    }

    function _activeWallet(bytes32 accountId) private view returns (address) {
        (address wallet, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        return status == ITipSplitter.WalletStatus.Active ? wallet : address(0);
    }

    function _keyOf(address wallet) private view returns (uint256 key) {
        for (uint256 i = 0; i < 4; ++i) {
            if (vm.addr(keys[i]) == wallet) key = keys[i];
        }
    }
}
