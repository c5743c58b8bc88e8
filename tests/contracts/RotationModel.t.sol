// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

/// @title Everything that anybody may try with an account's wallet, in any order, and a model of what must come of it
/// @dev The model keeps a register of its own, by the words of law 7: it never asks the contract who an account's wallet is.
contract RotationModel is Base {
    struct Entry {
        address wallet;
        bool revoked;
        address next;
        uint64 announcedAt;
        bool vetoed;
        uint256 consents;
    }

    bytes32[3] public accounts = [CREATOR, AGENT, NOBODY];
    mapping(bytes32 accountId => Entry) public register;
    /// @notice What every wallet has been paid.
    mapping(address wallet => uint256) public paid;
    mapping(bytes32 accountId => mapping(uint64 expiry => uint256)) public bucket;
    bool public frozen;
    /// @notice The first answer that was not the expected one.
    string public surprise;
    mapping(string action => uint256) public done;

    uint256[5] private keys = [CREATOR_KEY, AGENT_KEY, OTHER_KEY, 0x5EED, 0x5EED2];
    mapping(address wallet => uint256) private keyOf;
    mapping(bytes32 accountId => uint64[]) private expiries;
    bytes[] private presented;

    function setUp() public override {
        super.setUp();
        register[CREATOR] = Entry(creatorWallet, false, address(0), 0, false, 1);
        register[AGENT] = Entry(agentWallet, false, address(0), 0, false, 1);
        for (uint256 i = 0; i < keys.length; ++i) {
            keyOf[vm.addr(keys[i])] = keys[i];
        }
        vm.prank(payer);
        usdc.approve(address(splitter), type(uint256).max);
    }

    function theSplitter() external view returns (ITipSplitter) {
        return splitter;
    }

    function walletAt(uint256 index) external view returns (address) {
        return vm.addr(keys[index]);
    }

    // ------------------------------------------------------------------------------------- what the registrar presents

    /// @dev A first wallet, or the one after a revocation, by the registrar or by one who is not.
    function presentWallet(uint256 account, uint256 key, uint256 flaw, uint256 who) external {
        (bytes32 accountId, address wallet) = (_account(account), vm.addr(keys[key % 5]));
        Entry storage entry = register[accountId];
        (bytes memory consent, uint256 deadline, bool consents) = _consent(accountId, wallet, flaw);
        bool expected = consents && !_isActive(entry);
        bytes memory data = abi.encodeCall(splitter.register, (accountId, wallet, deadline, consent));
        if (!_present(data, expected, who, "register")) return;
        if (entry.wallet == address(0)) _set(entry, wallet);
        else _announce(entry, wallet);
        ++entry.consents;
    }

    /// @param how a third is co-signed by the wallet, a third by another, a third by nobody
    function presentChange(uint256 account, uint256 key, uint256 flaw, uint256 who, uint256 how) external {
        (bytes32 accountId, address wallet) = (_account(account), vm.addr(keys[key % 5]));
        Entry storage entry = register[accountId];
        (bytes memory consent, uint256 deadline, bool consents) = _consent(accountId, wallet, flaw);
        bytes memory coSignature;
        if (how % 3 != 0) {
            uint256 signer = how % 3 == 1 ? keyOf[entry.wallet] : keys[how / 3 % 5];
            if (signer == 0) return;
            if (vm.addr(signer) != entry.wallet) consents = false;
            coSignature = _signRotation(signer, accountId, wallet, entry.consents, deadline);
        }
        bool expected = consents && _isActive(entry) && wallet != entry.wallet;
        bytes memory data = abi.encodeCall(splitter.rotate, (accountId, wallet, deadline, consent, coSignature));
        string memory action = coSignature.length == 0 ? "announce" : "co-sign";
        if (!_present(data, expected, who, action)) return;
        if (coSignature.length == 0) _announce(entry, wallet);
        else _set(entry, wallet);
        ++entry.consents;
    }

    /// @dev A consent counts once, whatever became of it.
    function presentAgain(uint256 which) external {
        if (presented.length == 0) return;
        _expect(Call(registrar, presented[which % presented.length]), false, "a consent that was used");
    }

    // ----------------------------------------------------------------------------------------- what becomes of a change

    function confirm(uint256 account, uint256 who) external {
        bytes32 accountId = _account(account);
        Entry storage entry = register[accountId];
        bool ripe = entry.next != address(0) && block.timestamp >= entry.announcedAt + 48 hours;
        bool expected = ripe && !entry.vetoed && !frozen;
        Call memory c = Call(_anybody(who, entry), abi.encodeCall(splitter.confirmRotation, (accountId)));
        if (_expect(c, expected, "confirm")) _set(entry, entry.next);
    }

    function veto(uint256 account, uint256 who) external {
        bytes32 accountId = _account(account);
        Entry storage entry = register[accountId];
        address sender = _anybody(who, entry);
        bool entitled = sender == entry.wallet || sender == admin;
        bool expected = entry.next != address(0) && !entry.vetoed && entitled;
        Call memory c = Call(sender, abi.encodeCall(splitter.cancelRotation, (accountId)));
        if (_expect(c, expected, "veto")) entry.vetoed = true;
    }

    function overrideVeto(uint256 account, uint256 who) external {
        bytes32 accountId = _account(account);
        Entry storage entry = register[accountId];
        address sender = who % 2 == 0 ? admin : _anybody(who / 2, entry);
        bool ripe = entry.next != address(0) && block.timestamp >= entry.announcedAt + 7 days;
        Call memory c = Call(sender, abi.encodeCall(splitter.overrideVeto, (accountId)));
        if (_expect(c, ripe && entry.vetoed && sender == admin, "override")) _set(entry, entry.next);
    }

    function revoke(uint256 account, uint256 who) external {
        bytes32 accountId = _account(account);
        Entry storage entry = register[accountId];
        address sender = _anybody(who, entry);
        bool expected = _isActive(entry) && (sender == entry.wallet || sender == admin);
        if (_expect(Call(sender, abi.encodeCall(splitter.revoke, (accountId))), expected, "revoke")) {
            entry.revoked = true;
        }
    }

    function freeze(uint256 who) external {
        address sender = _anybody(who, register[CREATOR]);
        Call memory c = Call(sender, abi.encodeCall(splitter.freezeRegistration, ()));
        if (_expect(c, sender == pauser && !frozen, "freeze")) frozen = true;
    }

    /// @dev By the admin most of the time, so that the register is seldom frozen.
    function unfreeze(uint256 who) external {
        address sender = who % 4 == 0 ? _anybody(who / 4, register[CREATOR]) : admin;
        Call memory c = Call(sender, abi.encodeCall(splitter.unfreezeRegistration, ()));
        if (_expect(c, sender == admin && frozen, "unfreeze")) frozen = false;
    }

    // ---------------------------------------------------------------------------------------------------- time and money

    function wait(uint256 time) external {
        vm.warp(block.timestamp + time % 3 days);
    }

    /// @dev To the very second in which a change may be confirmed, or a veto overridden, or to the one before it.
    function waitForAChange(uint256 account, bool overridden, bool justBefore) external {
        Entry storage entry = register[_account(account)];
        uint256 instant = entry.announcedAt + (overridden ? 7 days : 48 hours) - (justBefore ? 1 : 0);
        if (entry.next != address(0) && instant > block.timestamp) vm.warp(instant);
    }

    function tip(uint256 account, uint256 amount) external {
        bytes32 accountId = _account(account);
        amount = MIN_TIP + amount % 1_000;
        (uint256 share,,) = _shares(amount);
        _expect(Call(payer, abi.encodeCall(splitter.tip, (accountId, NO_AGENT, amount, REF))), true, "tip");
        Entry storage entry = register[accountId];
        if (_isActive(entry)) {
            paid[entry.wallet] += share;
            return;
        }
        bucket[accountId][_expiry()] += share;
        expiries[accountId].push(_expiry());
    }

    function claim(uint256 account) external {
        bytes32 accountId = _account(account);
        Entry storage entry = register[accountId];
        uint64[] memory asked = expiries[accountId];
        uint256 due;
        for (uint256 i = 0; i < asked.length; ++i) {
            if (block.timestamp >= asked[i]) continue;
            due += bucket[accountId][asked[i]];
            if (_isActive(entry)) bucket[accountId][asked[i]] = 0;
        }
        Call memory c = Call(anyone, abi.encodeCall(splitter.claim, (accountId, asked)));
        if (!_expect(c, due > 0 && _isActive(entry), "claim")) return;
        paid[entry.wallet] += due;
        delete expiries[accountId];
    }

    // ------------------------------------------------------------------------------------------------------- the model

    /// @dev Half of all consents have no flaw; the others are replayed, late, another's, or for another account.
    function _consent(bytes32 accountId, address wallet, uint256 flaw)
        private
        view
        returns (bytes memory consent, uint256 deadline, bool valid)
    {
        uint256 nonce = register[accountId].consents;
        (uint256 key, bytes32 signedFor) = (keyOf[wallet], accountId);
        deadline = block.timestamp;
        flaw %= 10;
        if (flaw == 0) nonce = nonce == 0 ? 1 : nonce - 1;
        else if (flaw == 1) nonce += 1;
        else if (flaw == 2) deadline -= 1;
        else if (flaw == 3) key = key == keys[0] ? keys[1] : keys[0];
        else if (flaw == 4) signedFor = accountId == CREATOR ? AGENT : CREATOR;
        consent = _signConsent(key, signedFor, wallet, nonce, deadline);
        valid = flaw > 4 && !frozen;
    }

    function _present(bytes memory data, bool expected, uint256 who, string memory action) private returns (bool ok) {
        // Now and then by everyone else who might wish to.
        address sender = who % 8 == 0 ? [anyone, admin, pauser, payer][who / 8 % 4] : registrar;
        ok = _expect(Call(sender, data), expected && sender == registrar, action);
        if (ok) presented.push(data);
    }

    function _expect(Call memory c, bool expected, string memory action) private returns (bool ok) {
        (ok,) = _try(c);
        if (ok != expected && bytes(surprise).length == 0) {
            surprise = string.concat(action, ok ? " succeeded" : " failed");
        }
        if (ok) ++done[action];
    }

    function _set(Entry storage entry, address wallet) private {
        (entry.wallet, entry.revoked, entry.next, entry.announcedAt, entry.vetoed) =
        (wallet, false, address(0), 0, false);
    }

    function _announce(Entry storage entry, address wallet) private {
        (entry.next, entry.announcedAt, entry.vetoed) = (wallet, uint64(block.timestamp), false);
    }

    function _isActive(Entry storage entry) private view returns (bool) {
        return entry.wallet != address(0) && !entry.revoked;
    }

    /// @dev The wallet, most of the time; the one that would be next; every role, and one who has none.
    function _anybody(uint256 who, Entry storage entry) private view returns (address) {
        address[8] memory actors = [entry.wallet, entry.wallet, entry.next, admin, registrar, pauser, auditor, anyone];
        return actors[who % 8];
    }

    function _account(uint256 account) private view returns (bytes32) {
        return accounts[account % 3];
    }
}
