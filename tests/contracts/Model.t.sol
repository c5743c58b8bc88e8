// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {ModelBooks} from "./ModelBooks.t.sol";
import {NosyUsdc} from "./NosyUsdc.t.sol";
import {vm} from "./Vm.sol";

/// @title What the machine does in any order, as everybody who may: viewers, thieves, Circle, the platform, wallets
contract Model is ModelBooks {
    NosyUsdc public nosy;

    uint256[4] private keys = [CREATOR_KEY, AGENT_KEY, OTHER_KEY, 0x5EED];
    address[2] private treasuries = [treasury, address(0x74EB)];
    address private honestUsdc;
    bool private isNosy;

    function setUp() public override {
        vm.recordLogs();
        super.setUp();
        _readLogs();
        accounts = [CREATOR, AGENT, NOBODY, NO_AGENT, PLATFORM];
        balance[payer] = usdc.balanceOf(payer);
        parties = [payer, address(splitter), treasuries[0], treasuries[1]];
        for (uint256 i = 0; i < 4; ++i) {
            parties.push(vm.addr(keys[i]));
            for (uint256 k = 0; k < 4; ++k) {
                parties.push(_vaultOf(accounts[i], accounts[k]));
            }
        }
        honestUsdc = _usdcImplementation();
        nosy = new NosyUsdc(honestUsdc, address(splitter));
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

    function assertRebuiltFromLogs() external view {
        bytes32[] memory all = new bytes32[](5);
        for (uint256 i = 0; i < 5; ++i) {
            all[i] = accounts[i];
        }
        _assertRebuilt(all);
    }

    // ------------------------------------------------------------------------------------------------------- the money

    function tip(uint256 rail, uint256 creator, uint256 agent, uint256 amount) external {
        _tipWithin(PLENTY, rail, accounts[creator % 4], accounts[agent % 4], amount);
    }

    /// @dev Whoever submits a tip chooses its gas.
    function tipWithLittleGas(uint256 rail, uint256 creator, uint256 agent, uint256 amount, uint256 gasLimit) external {
        _tipWithin(30_000 + gasLimit % 400_000, rail, accounts[creator % 4], accounts[agent % 4], amount);
    }

    function _tipWithin(uint256 gasLimit, uint256 rail, bytes32 creatorId, bytes32 agentId, uint256 amount) private {
        ITipSplitter.Rail by = ITipSplitter.Rail(rail % 5);
        amount = MIN_TIP + amount % 5_000_000;
        if (by < ITipSplitter.Rail.X402) _tipDirectly(gasLimit, by, creatorId, agentId, amount);
        else _tipThroughVault(gasLimit, by, creatorId, agentId, amount);
    }

    function _tipDirectly(uint256 gasLimit, ITipSplitter.Rail by, bytes32 creatorId, bytes32 agentId, uint256 amount)
        private
    {
        bool payable_ = _payerCanPay() && !blacklisted[address(splitter)];
        if (by == ITipSplitter.Rail.Approve && !payable_) return;
        Call memory c = _prepare(by, creatorId, agentId, amount);
        bool expected = payable_ && !splitter.paused() && _canDeliver(creatorId, agentId);
        if (_expectWithin(gasLimit, c, expected, "tip")) _share(payer, creatorId, agentId, amount);
    }

    function _tipThroughVault(
        uint256 gasLimit,
        ITipSplitter.Rail by,
        bytes32 creatorId,
        bytes32 agentId,
        uint256 amount
    ) private {
        address vault = _vaultOf(creatorId, agentId);
        bool pays = _payerCanPay() && !blacklisted[vault];
        bool flushes = by == ITipSplitter.Rail.Flush;
        if (flushes && !pays) return;
        Call memory c = _prepare(by, creatorId, agentId, amount);
        if (flushes) _move(payer, vault, amount);
        uint256 pulled = pays && !flushes ? amount : 0;
        bool expected = (flushes || !splitter.paused()) && _canSplit(vault, balance[vault] + pulled, creatorId, agentId);
        if (!_expectWithin(gasLimit, c, expected, "tip")) return;
        if (gasLimit != PLENTY && balance[vault] >= 100) pulled = _pulledWith(pulled);
        _move(payer, vault, pulled);
        _share(vault, creatorId, agentId, balance[vault]);
    }

    /// @dev With little gas the pull may have failed, where the vault had something to split all the same.
    function _pulledWith(uint256 most) private returns (uint256 pulled) {
        pulled = balance[payer] - usdc.balanceOf(payer);
        if (pulled != 0 && pulled != most && bytes(surprise).length == 0) surprise = "pulled something else";
    }

    /// @dev An x402 authorization that somebody submits without the tip; then the tip, or not.
    function frontRun(uint256 creator, uint256 agent, uint256 amount, bool tipToo) external {
        (bytes32 creatorId, bytes32 agentId) = (accounts[creator % 4], accounts[agent % 4]);
        address vault = _vaultOf(creatorId, agentId);
        if (!_payerCanPay() || blacklisted[vault]) return;
        Authorization memory a = Authorization(payer, vault, MIN_TIP + amount % 5_000_000, 0, FAR, _salt());
        bytes memory signature = _signTransfer(PAYER_KEY, a);
        _transferWithAuthorization(a, signature);
        _move(payer, vault, a.value);
        if (!tipToo) return;
        bool expected = !splitter.paused() && _canSplit(vault, balance[vault], creatorId, agentId);
        if (_expect(_x402Call(creatorId, agentId, a, signature), expected, "front-run")) {
            _share(vault, creatorId, agentId, balance[vault]);
        }
    }

    /// @dev A permit that somebody submits before the tip does.
    function frontRunPermit(uint256 creator, uint256 agent, uint256 amount) external {
        if (!_payerCanPay() || blacklisted[address(splitter)]) return;
        (bytes32 creatorId, bytes32 agentId) = (accounts[creator % 4], accounts[agent % 4]);
        amount = MIN_TIP + amount % 5_000_000;
        bytes memory signature = _signPermit(PAYER_KEY, address(splitter), amount, FAR);
        Call memory c =
            Call(payer, abi.encodeCall(splitter.tipWithPermit, (creatorId, agentId, amount, REF, FAR, signature)));
        vm.prank(anyone);
        usdc.permit(payer, address(splitter), amount, FAR, signature);
        if (_expect(c, !splitter.paused() && _canDeliver(creatorId, agentId), "front-run permit")) {
            _share(payer, creatorId, agentId, amount);
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
        bool expected = !splitter.paused() && _canSplit(vault, balance[vault], creatorId, agentId);
        if (_expect(c, expected, "cancelled")) _share(vault, creatorId, agentId, balance[vault]);
    }

    function claim(uint256 account) external {
        bytes32 accountId = accounts[account % 5];
        _release(accountId, accountId == PLATFORM ? splitter.treasury() : _activeWallet(accountId), true);
    }

    function sweep(uint256 account) external {
        _release(accounts[account % 5], splitter.treasury(), false);
    }

    function stray(uint256 party, uint256 amount) external {
        amount = 1 + amount % 300;
        address to = party % 2 == 0 ? address(splitter) : _vaultOf(accounts[party / 2 % 4], accounts[party / 8 % 4]);
        if (!_takes(to)) return;
        _mint(to, amount);
        balance[to] += amount;
    }

    function rescue(uint256 amount) external {
        uint256 strays = balance[address(splitter)] - splitter.totalHeld();
        amount %= strays + 2;
        address to = splitter.treasury();
        Call memory c = Call(admin, abi.encodeCall(splitter.rescue, (address(usdc), amount)));
        bool expected = amount <= strays && _takes(to) && !blacklisted[address(splitter)];
        if (_expect(c, expected, "rescue")) _move(address(splitter), to, amount);
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

    /// @dev Anybody who has to do with a tip; whoever is on it already comes off first, more often than not.
    function toggleBlacklist(uint256 who) external {
        address account = parties[who % parties.length];
        if (blacklisted[account]) _unBlacklist(account);
        else _blacklist(account);
        blacklisted[account] = !blacklisted[account];
    }

    function pardonAll() external {
        for (uint256 i = 0; i < parties.length; ++i) {
            if (!blacklisted[parties[i]]) continue;
            _unBlacklist(parties[i]);
            blacklisted[parties[i]] = false;
        }
    }

    /// @dev Seldom: nothing moves meanwhile.
    function toggleUsdcPause(uint256 luck) external {
        if (!usdcPaused && luck % 4 != 0) return;
        vm.prank(CIRCLE);
        usdcPaused ? usdc.unpause() : usdc.pause();
        usdcPaused = !usdcPaused;
    }

    /// @dev Circle upgrades USDC to one that calls back, for a claim, a sweep, a flush or another vault; then back again.
    function toggleNosyUsdc(uint256 account, uint256 what) external {
        bytes32 accountId = accounts[account % 4];
        bytes memory callback = abi.encodeCall(splitter.flush, (accountId, accounts[account / 4 % 4], REF));
        if (what % 4 == 1) callback = _releaseData(accountId, true);
        if (what % 4 == 2) callback = _releaseData(accountId, false);
        if (what % 4 == 3) {
            ITipSplitter.VaultTerms[] memory terms = new ITipSplitter.VaultTerms[](1);
            terms[0] = ITipSplitter.VaultTerms(accountId, accountId, _salt());
            callback = abi.encodeCall(splitter.deployVaults, (terms));
        }
        nosy.plan(callback);
        isNosy = !isNosy;
        _upgradeUsdc(isNosy ? address(nosy) : honestUsdc);
    }

    function togglePause(uint256 luck) external {
        bool paused = splitter.paused();
        if (!paused && luck % 4 != 0) return;
        bytes memory data = paused ? abi.encodeCall(splitter.unpause, ()) : abi.encodeCall(splitter.pause, ());
        _expect(Call(pauser, data), true, "pause");
    }

    function changeTreasury(uint256 which) external {
        address next = treasuries[which % 2];
        _expect(Call(admin, abi.encodeCall(splitter.proposeTreasury, (next))), true, "propose");
        _expect(Call(next, abi.encodeCall(splitter.acceptTreasury, ())), true, "accept");
    }

    // ------------------------------------------------------------------------------------------------------ the wallets

    function changeWallet(uint256 account, uint256 key, bool coSigned) external {
        bytes32 accountId = accounts[account % 4];
        (address old, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        uint256 nonce = splitter.consentNonce(accountId);
        key = keys[key % 4];
        address next = vm.addr(key);
        bool open = !splitter.registrationFrozen();
        bytes memory consent = _signConsent(key, accountId, next, nonce, FAR);
        if (status != ITipSplitter.WalletStatus.Active) {
            _expect(
                Call(registrar, abi.encodeCall(splitter.register, (accountId, next, FAR, consent))), open, "register"
            );
            return;
        }
        bytes memory coSignature = coSigned ? _signRotation(_keyOf(old), accountId, next, nonce, FAR) : bytes("");
        Call memory c = Call(registrar, abi.encodeCall(splitter.rotate, (accountId, next, FAR, consent, coSignature)));
        _expect(c, open && old != next, "rotate");
    }

    function confirm(uint256 account) external {
        bytes32 accountId = accounts[account % 4];
        ITipSplitter.Rotation memory rotation = splitter.rotationOf(accountId);
        bool ready = rotation.wallet != address(0) && !rotation.vetoed && block.timestamp >= rotation.readyAt;
        bool expected = ready && !splitter.registrationFrozen();
        _expect(Call(anyone, abi.encodeCall(splitter.confirmRotation, (accountId))), expected, "confirm");
    }

    function veto(uint256 account) external {
        bytes32 accountId = accounts[account % 4];
        ITipSplitter.Rotation memory rotation = splitter.rotationOf(accountId);
        (address old,) = splitter.walletOf(accountId);
        bool expected = rotation.wallet != address(0) && !rotation.vetoed;
        _expect(Call(old, abi.encodeCall(splitter.cancelRotation, (accountId))), expected, "veto");
    }

    /// @dev At the very second from which the admin may, or one before it.
    function overrideVeto(uint256 account, bool justBefore) external {
        bytes32 accountId = accounts[account % 4];
        ITipSplitter.Rotation memory rotation = splitter.rotationOf(accountId);
        uint256 from = uint256(rotation.readyAt) + 5 days;
        if (rotation.vetoed && block.timestamp < from) vm.warp(justBefore ? from - 1 : from);
        bool expected = rotation.wallet != address(0) && rotation.vetoed && block.timestamp >= from;
        _expect(Call(admin, abi.encodeCall(splitter.overrideVeto, (accountId))), expected, "override");
    }

    /// @dev Seldom: most accounts should be paid.
    function revoke(uint256 account, uint256 luck) external {
        if (luck % 4 != 0) return;
        bytes32 accountId = accounts[account % 4];
        (address old, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        Call memory c = Call(old, abi.encodeCall(splitter.revoke, (accountId)));
        _expect(c, status == ITipSplitter.WalletStatus.Active, "revoke");
    }

    /// @dev Seldom, and it ends soon.
    function toggleFreeze(uint256 luck) external {
        bool frozen = splitter.registrationFrozen();
        if (!frozen && luck % 4 != 0) return;
        Call memory c = frozen
            ? Call(admin, abi.encodeCall(splitter.unfreezeRegistration, ()))
            : Call(pauser, abi.encodeCall(splitter.freezeRegistration, ()));
        _expect(c, true, "freeze");
    }

    function _keyOf(address wallet) private view returns (uint256 key) {
        for (uint256 i = 0; i < 4; ++i) {
            if (vm.addr(keys[i]) == wallet) key = keys[i];
        }
    }
}
