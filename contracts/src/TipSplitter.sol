// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ITipSplitter} from "./ITipSplitter.sol";
import {IUSDC} from "./IUSDC.sol";
import {SplitMath} from "./SplitMath.sol";
import {TipVault} from "./TipVault.sol";
import {WalletRegistry} from "./WalletRegistry.sol";

/// @title TipSplitter
/// @dev Assumptions, and where they are made:
/// - The token is Circle's FiatTokenV2_2: no fee on transfer, no hooks, reverts instead of returning false. An upgrade that
///   calls back meets the reentrancy guard.
/// - A failed leg is held only if USDC itself says that the recipient is blacklisted. Starving a leg of gas therefore reverts the
///   tip: the question that follows needs more gas than what is left, or is answered no.
/// - Amounts fit `uint96`: USDC's whole supply does.
contract TipSplitter is WalletRegistry, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev One slot.
    struct Config {
        address treasury;
        uint64 minTip;
        bool paused;
    }

    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 public constant AUDITOR_ROLE = keccak256("AUDITOR_ROLE");
    uint64 public constant HOLD_PERIOD = 30 days;
    bytes32 private constant TERMS_TYPEHASH =
        keccak256("TipTerms(bytes32 creatorId,bytes32 agentId,bytes32 ref,bytes32 salt)");

    uint8 private constant CREATOR_HELD = 1;
    uint8 private constant PLATFORM_HELD = 2;
    uint8 private constant AGENT_HELD = 4;

    IUSDC private immutable _usdc;
    bytes32 private immutable _vaultCodeHash;

    Config private _config;
    /// @inheritdoc ITipSplitter
    address public pendingTreasury;
    /// @inheritdoc ITipSplitter
    uint256 public totalHeld;
    /// @inheritdoc ITipSplitter
    mapping(bytes32 accountId => mapping(uint64 expiresAt => uint256)) public held;

    /// @param usdcDomain the EIP-712 separator USDC must have on this chain; what payers sign depends on it
    /// @param adminDelay seconds between proposing and accepting another admin
    constructor(
        IUSDC usdc,
        bytes32 usdcDomain,
        address admin,
        uint48 adminDelay,
        address treasury_,
        uint64 minTip_
    ) AccessControlDefaultAdminRules(adminDelay, admin) EIP712("Molt Studios", "1") {
        bytes32 actual = usdc.DOMAIN_SEPARATOR();
        if (actual != usdcDomain) revert UnexpectedUsdcDomain(usdcDomain, actual);
        _usdc = usdc;
        _vaultCodeHash = keccak256(abi.encodePacked(type(TipVault).creationCode, abi.encode(usdc)));
        if (_isUnusable(treasury_)) revert InvalidTreasury(treasury_);
        _config.treasury = treasury_;
        emit TreasuryChanged(address(0), treasury_);
        _setMinTip(minTip_);
    }

    // ---------------------------------------------------------------------------------------------------------- tips

    /// @inheritdoc ITipSplitter
    function tip(bytes32 creatorId, bytes32 agentId, uint256 amount, bytes32 ref) external nonReentrant {
        _requireOpen(amount);
        _split(Rail.Approve, msg.sender, VaultTerms(creatorId, agentId, ref), amount, msg.sender);
    }

    /// @inheritdoc ITipSplitter
    function tipWithPermit(
        bytes32 creatorId,
        bytes32 agentId,
        uint256 amount,
        bytes32 ref,
        uint256 deadline,
        bytes calldata signature
    ) external nonReentrant {
        _requireOpen(amount);
        // A front-run permit left the allowance it was meant to leave; without one, the transfer below says so.
        try _usdc.permit(msg.sender, address(this), amount, deadline, signature) {} catch {}
        _split(Rail.Permit, msg.sender, VaultTerms(creatorId, agentId, ref), amount, msg.sender);
    }

    /// @inheritdoc ITipSplitter
    function tipWithAuthorization(
        address from,
        bytes32 creatorId,
        bytes32 agentId,
        uint256 amount,
        bytes32 ref,
        bytes32 salt,
        uint256 validAfter,
        uint256 validBefore,
        bytes calldata signature
    ) external nonReentrant {
        _requireOpen(amount);
        bytes32 nonce = termsNonce(creatorId, agentId, ref, salt);
        _usdc.receiveWithAuthorization(from, address(this), amount, validAfter, validBefore, nonce, signature);
        _split(Rail.Authorization, address(this), VaultTerms(creatorId, agentId, ref), amount, from);
    }

    /// @inheritdoc ITipSplitter
    function tipX402(
        address from,
        bytes32 creatorId,
        bytes32 agentId,
        bytes32 ref,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external nonReentrant {
        _requireOpen(amount);
        VaultTerms memory terms = VaultTerms(creatorId, agentId, ref);
        address vault = _ensureVault(terms);
        bool pulled;
        bytes memory reason;
        try _usdc.transferWithAuthorization(from, vault, amount, validAfter, validBefore, nonce, signature) {
            pulled = true;
        } catch (bytes memory why) {
            reason = why;
        }
        uint256 balance = _usdc.balanceOf(vault);
        if (!pulled && balance < SplitMath.MIN_SPLIT) _bubble(reason, vault, amount);
        bool named = pulled && balance == amount;
        _splitVault(Rail.X402, vault, terms, balance, named ? from : address(0), named ? nonce : bytes32(0));
    }

    /// @inheritdoc ITipSplitter
    function flush(bytes32 creatorId, bytes32 agentId, bytes32 ref) external nonReentrant {
        VaultTerms memory terms = VaultTerms(creatorId, agentId, ref);
        address vault = _ensureVault(terms);
        uint256 balance = _usdc.balanceOf(vault);
        if (balance < SplitMath.MIN_SPLIT) revert VaultBelowMinimum(vault, balance, SplitMath.MIN_SPLIT);
        _splitVault(Rail.Flush, vault, terms, balance, address(0), bytes32(0));
    }

    // --------------------------------------------------------------------------------------------------------- holds

    /// @inheritdoc ITipSplitter
    function claim(bytes32 accountId, uint64[] calldata expiries) external nonReentrant returns (uint256 amount) {
        address wallet = accountId == PLATFORM_ID ? _config.treasury : _activeWallet(accountId);
        if (wallet == address(0)) revert NoVerifiedWallet(accountId);
        for (uint256 i = 0; i < expiries.length; ++i) {
            if (block.timestamp >= expiries[i]) continue;
            uint256 bucket = _empty(accountId, expiries[i]);
            if (bucket == 0) continue;
            amount += bucket;
            emit ShareClaimed(accountId, wallet, expiries[i], uint96(bucket));
        }
        if (amount == 0) revert NothingToClaim(accountId);
        _release(wallet, amount);
    }

    /// @inheritdoc ITipSplitter
    function sweep(bytes32 accountId, uint64[] calldata expiries) external nonReentrant returns (uint256 amount) {
        address to = _config.treasury;
        for (uint256 i = 0; i < expiries.length; ++i) {
            if (block.timestamp < expiries[i]) continue;
            uint256 bucket = _empty(accountId, expiries[i]);
            if (bucket == 0) continue;
            amount += bucket;
            emit ShareSwept(accountId, to, expiries[i], uint96(bucket));
        }
        if (amount == 0) revert NothingToSweep(accountId);
        _release(to, amount);
    }

    // -------------------------------------------------------------------------------------------------------- vaults

    /// @inheritdoc ITipSplitter
    function deployVaults(VaultTerms[] calldata terms) external {
        for (uint256 i = 0; i < terms.length; ++i) {
            _ensureVault(terms[i]);
        }
    }

    /// @inheritdoc ITipSplitter
    function vaultOf(bytes32 creatorId, bytes32 agentId, bytes32 ref) external view returns (address) {
        return _vaultAddress(_salt(VaultTerms(creatorId, agentId, ref)));
    }

    // --------------------------------------------------------------------------------------------------------- admin

    /// @inheritdoc ITipSplitter
    function proposeTreasury(address treasury_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (_isUnusable(treasury_)) revert InvalidTreasury(treasury_);
        pendingTreasury = treasury_;
        emit TreasuryProposed(treasury_);
    }

    /// @inheritdoc ITipSplitter
    function acceptTreasury() external {
        address proposed = pendingTreasury;
        if (msg.sender != proposed) revert NotTheProposedTreasury(msg.sender, proposed);
        delete pendingTreasury;
        emit TreasuryChanged(_config.treasury, proposed);
        _config.treasury = proposed;
    }

    /// @inheritdoc ITipSplitter
    function setMinTip(uint64 minTip_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setMinTip(minTip_);
    }

    /// @inheritdoc ITipSplitter
    function pause() external onlyRole(PAUSER_ROLE) {
        if (_config.paused) revert AlreadyPaused();
        _config.paused = true;
        emit Paused(msg.sender);
    }

    /// @inheritdoc ITipSplitter
    function unpause() external onlyRole(PAUSER_ROLE) {
        if (!_config.paused) revert NotPaused();
        _config.paused = false;
        emit Unpaused(msg.sender);
    }

    /// @inheritdoc ITipSplitter
    function rescue(address token, uint256 amount) external nonReentrant onlyRole(DEFAULT_ADMIN_ROLE) {
        uint256 owed = token == address(_usdc) ? totalHeld : 0;
        uint256 strays = IERC20(token).balanceOf(address(this)) - owed;
        if (amount > strays) revert RescueExceedsStrays(amount, strays);
        address to = _config.treasury;
        emit Rescued(token, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc ITipSplitter
    function anchorAudit(bytes32 root, uint64 first, uint64 last) external onlyRole(AUDITOR_ROLE) {
        if (last < first) revert InvalidAuditRange(first, last);
        emit AuditRoot(root, first, last);
    }

    // --------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ITipSplitter
    function preview(uint256 amount)
        external
        pure
        returns (uint256 creatorShare, uint256 platformShare, uint256 agentShare)
    {
        _requireFits(amount);
        return SplitMath.split(amount);
    }

    /// @inheritdoc ITipSplitter
    function termsNonce(bytes32 creatorId, bytes32 agentId, bytes32 ref, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(TERMS_TYPEHASH, creatorId, agentId, ref, salt));
    }

    /// @inheritdoc ITipSplitter
    function treasury() external view returns (address) {
        return _config.treasury;
    }

    /// @inheritdoc ITipSplitter
    function minTip() external view returns (uint64) {
        return _config.minTip;
    }

    /// @inheritdoc ITipSplitter
    function paused() external view returns (bool) {
        return _config.paused;
    }

    /// @inheritdoc ITipSplitter
    function USDC() external view returns (address) {
        return address(_usdc);
    }

    // ------------------------------------------------------------------------------------------------------ the split

    function _requireOpen(uint256 amount) private view {
        Config memory config = _config;
        if (config.paused) revert TipsPaused();
        if (amount < config.minTip) revert TipBelowMinimum(amount, config.minTip);
        _requireFits(amount);
    }

    function _requireFits(uint256 amount) private pure {
        if (amount > type(uint96).max) revert AmountTooLarge(amount, type(uint96).max);
    }

    function _splitVault(
        Rail rail,
        address vault,
        VaultTerms memory terms,
        uint256 balance,
        address payer,
        bytes32 nonce
    ) private {
        emit VaultFlushed(vault, terms.ref, payer, uint96(balance), nonce);
        _split(rail, vault, terms, balance, payer);
    }

    /// @param source who holds the money: the payer (who approved us), this contract, or a vault
    function _split(Rail rail, address source, VaultTerms memory terms, uint256 amount, address payer) private {
        _requireOrdinary(terms.creatorId);
        _requireOrdinary(terms.agentId);
        (uint256 creatorShare, uint256 platformShare, uint256 agentShare) = SplitMath.split(amount);
        address creatorWallet = _activeWallet(terms.creatorId);
        address agentWallet = _activeWallet(terms.agentId);
        uint8 heldMask;
        if (!_land(rail, source, terms.creatorId, creatorWallet, terms.ref, creatorShare)) heldMask |= CREATOR_HELD;
        if (!_land(rail, source, PLATFORM_ID, _config.treasury, terms.ref, platformShare)) heldMask |= PLATFORM_HELD;
        if (!_land(rail, source, terms.agentId, agentWallet, terms.ref, agentShare)) heldMask |= AGENT_HELD;
        emit TipSplit(
            terms.ref,
            terms.creatorId,
            payer,
            terms.agentId,
            uint96(amount),
            uint96(creatorShare),
            uint96(agentShare),
            creatorWallet,
            agentWallet,
            heldMask,
            rail
        );
    }

    /// @dev Pays one share, or holds it when there is no wallet or USDC refuses it; any other failure reverts the whole tip.
    /// @return paid false when it was held
    function _land(Rail rail, address source, bytes32 accountId, address wallet, bytes32 ref, uint256 share)
        private
        returns (bool paid)
    {
        HoldReason reason = HoldReason.NoWallet;
        if (wallet != address(0)) {
            (bool ok, bytes memory why) = _move(rail, source, wallet, share);
            if (ok) return true;
            if (!_usdc.isBlacklisted(wallet)) _bubble(why, wallet, share);
            reason = HoldReason.Blacklisted;
        }
        uint64 expiresAt = uint64(block.timestamp) + HOLD_PERIOD;
        held[accountId][expiresAt] += share;
        totalHeld += share;
        emit ShareHeld(accountId, ref, expiresAt, uint96(share), reason);
        if (source != address(this)) {
            (bool ok, bytes memory why) = _move(rail, source, address(this), share);
            if (!ok) _bubble(why, address(this), share);
        }
    }

    function _move(Rail rail, address source, address to, uint256 amount) private returns (bool, bytes memory) {
        address target = address(_usdc);
        bytes memory call;
        if (rail <= Rail.Permit) call = abi.encodeCall(IERC20.transferFrom, (source, to, amount));
        else if (rail == Rail.Authorization) call = abi.encodeCall(IERC20.transfer, (to, amount));
        else (target, call) = (source, abi.encodeCall(TipVault.pay, (to, amount)));
        (bool ok, bytes memory answer) = target.call(call);
        return (ok && answer.length == 32 && abi.decode(answer, (bool)), answer);
    }

    /// @dev Reverts with the token's own words where it had any.
    function _bubble(bytes memory reason, address to, uint256 amount) private pure {
        if (reason.length <= 32) revert TransferFailed(to, amount);
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    // --------------------------------------------------------------------------------------------------------- parts

    function _empty(bytes32 accountId, uint64 expiresAt) private returns (uint256 bucket) {
        bucket = held[accountId][expiresAt];
        if (bucket != 0) delete held[accountId][expiresAt];
    }

    function _release(address to, uint256 amount) private {
        totalHeld -= amount;
        if (!_usdc.transfer(to, amount)) revert TransferFailed(to, amount);
    }

    function _ensureVault(VaultTerms memory terms) private returns (address vault) {
        bytes32 salt = _salt(terms);
        vault = _vaultAddress(salt);
        if (vault.code.length != 0) return vault;
        _requireOrdinary(terms.creatorId);
        _requireOrdinary(terms.agentId);
        new TipVault{salt: salt}(_usdc);
        emit VaultDeployed(vault, terms.ref, terms.creatorId, terms.agentId);
    }

    function _salt(VaultTerms memory terms) private pure returns (bytes32) {
        return keccak256(abi.encode(terms));
    }

    function _vaultAddress(bytes32 salt) private view returns (address) {
        return Create2.computeAddress(salt, _vaultCodeHash);
    }

    function _setMinTip(uint64 minTip_) private {
        if (minTip_ < SplitMath.MIN_SPLIT) revert MinTipTooLow(minTip_, SplitMath.MIN_SPLIT);
        _config.minTip = minTip_;
        emit MinTipSet(minTip_);
    }

    function _isUnusable(address wallet) internal view override returns (bool) {
        return wallet == address(0) || wallet == address(this) || wallet == address(_usdc);
    }
}
