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
import {LeanCalls} from "./LeanCalls.sol";
import {SplitMath} from "./SplitMath.sol";
import {TipVault} from "./TipVault.sol";
import {WalletRegistry} from "./WalletRegistry.sol";

/// @title TipSplitter
/// @dev What is assumed, and what is not:
/// - USDC is FiatTokenV2_2 or a successor: upgradeable, pausable, blacklisting, no fee on transfer. Of its behaviour only this
///   is trusted: a `transfer`, `transferFrom` or `…WithAuthorization` that returns has moved exactly that amount.
///   A call of it may re-enter (hence the guard), run out of gas, return false or fail for any reason.
/// - Callers are anybody. They choose the gas, the order, and how many calls share a transaction.
/// - A share is held only because storage says "no wallet" or because USDC *answers* that the wallet is blacklisted. A
///   failed transfer alone never decides it, so that starving a call of gas can only revert.
contract TipSplitter is WalletRegistry, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using LeanCalls for IUSDC;
    using LeanCalls for TipVault;

    bytes32 public constant AUDITOR_ROLE = keccak256("AUDITOR_ROLE");
    uint64 public constant HOLD_PERIOD = 30 days;

    bytes32 private constant TERMS_TYPEHASH =
        keccak256("TipTerms(bytes32 creatorId,bytes32 agentId,bytes32 ref,bytes32 salt)");
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    uint256 private constant CREATOR_LEG = 1;
    uint256 private constant PLATFORM_LEG = 2;
    uint256 private constant AGENT_LEG = 4;

    /// @dev One slot: every tip reads all of it.
    struct Config {
        address treasury;
        uint64 minTip;
        bool paused;
    }

    IUSDC private immutable _usdc;
    bytes32 private immutable _vaultInitCodeHash;

    Config private _config;
    /// @inheritdoc ITipSplitter
    address public pendingTreasury;
    /// @inheritdoc ITipSplitter
    uint256 public totalHeld;
    mapping(bytes32 accountId => mapping(uint64 expiresAt => uint96)) private _held;

    /// @param usdcDomainSeparator what the deployer believes USDC's EIP-712 domain to be; payers sign over it
    /// @param adminDelay seconds between proposing and accepting another admin
    constructor(
        IUSDC usdc,
        bytes32 usdcDomainSeparator,
        address admin,
        uint48 adminDelay,
        address firstTreasury,
        uint64 firstMinTip
    ) EIP712("Molt Studios", "1") AccessControlDefaultAdminRules(adminDelay, admin) {
        _usdc = usdc;
        _vaultInitCodeHash = keccak256(abi.encodePacked(type(TipVault).creationCode, abi.encode(usdc)));
        _demandUsdcDomain(usdc, usdcDomainSeparator);
        if (!_isPayable(firstTreasury)) revert InvalidTreasury(firstTreasury);
        _config.treasury = firstTreasury;
        emit TreasuryChanged(address(0), firstTreasury);
        _setMinTip(firstMinTip);
    }

    // ---------------------------------------------------------------------------------------------------------- tips

    /// @inheritdoc ITipSplitter
    function tip(bytes32 creatorId, bytes32 agentId, uint256 amount, bytes32 ref) external nonReentrant {
        address treasury_ = _admit(amount);
        _split(creatorId, agentId, ref, amount, msg.sender, msg.sender, Rail.Approve, treasury_);
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
        address treasury_ = _admit(amount);
        // Whoever saw the permit may have submitted it before us; then the allowance is there, which is all that counts.
        try _usdc.permit(msg.sender, address(this), amount, deadline, signature) {} catch {}
        _split(creatorId, agentId, ref, amount, msg.sender, msg.sender, Rail.Permit, treasury_);
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
        address treasury_ = _admit(amount);
        bytes32 nonce = termsNonce(creatorId, agentId, ref, salt);
        _usdc.receiveWithAuthorization(from, address(this), amount, validAfter, validBefore, nonce, signature);
        _split(creatorId, agentId, ref, amount, from, address(this), Rail.Authorization, treasury_);
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
        address treasury_ = _admit(amount);
        address vault = _openVault(creatorId, agentId, ref);
        bool pulled = _usdc.tryTransferWithAuthorization(from, vault, amount, validAfter, validBefore, nonce, signature);
        uint256 balance = _usdc.balance(vault);
        if (balance < SplitMath.SMALLEST_AMOUNT) {
            // Nothing was here and nothing came; repeated, the call says why.
            _usdc.transferWithAuthorization(from, vault, amount, validAfter, validBefore, nonce, signature);
            revert VaultBelowMinimum(vault, balance, SplitMath.SMALLEST_AMOUNT);
        }
        if (!pulled || balance != amount) (from, nonce) = (address(0), 0);
        emit VaultFlushed(vault, ref, from, uint96(balance), nonce);
        _split(creatorId, agentId, ref, balance, from, vault, pulled ? Rail.X402 : Rail.Flush, treasury_);
    }

    /// @inheritdoc ITipSplitter
    function flush(bytes32 creatorId, bytes32 agentId, bytes32 ref) external nonReentrant {
        address vault = _openVault(creatorId, agentId, ref);
        uint256 balance = _usdc.balance(vault);
        if (balance < SplitMath.SMALLEST_AMOUNT) {
            revert VaultBelowMinimum(vault, balance, SplitMath.SMALLEST_AMOUNT);
        }
        emit VaultFlushed(vault, ref, address(0), uint96(balance), 0);
        _split(creatorId, agentId, ref, balance, address(0), vault, Rail.Flush, _config.treasury);
    }

    // --------------------------------------------------------------------------------------------------------- holds

    /// @inheritdoc ITipSplitter
    function claim(bytes32 accountId, uint64[] calldata expiries) external nonReentrant returns (uint256 amount) {
        address wallet = accountId == PLATFORM_ID ? _config.treasury : _activeWallet(accountId);
        if (wallet == address(0)) revert NoVerifiedWallet(accountId);
        for (uint256 i = 0; i < expiries.length; ++i) {
            uint64 expiresAt = expiries[i];
            if (block.timestamp >= expiresAt) continue;
            uint96 share = _take(accountId, expiresAt);
            if (share == 0) continue;
            amount += share;
            emit ShareClaimed(accountId, wallet, expiresAt, share);
        }
        if (amount == 0) revert NothingToClaim(accountId);
        _release(wallet, amount);
    }

    /// @inheritdoc ITipSplitter
    function sweep(bytes32 accountId, uint64[] calldata expiries) external nonReentrant returns (uint256 amount) {
        address treasury_ = _config.treasury;
        for (uint256 i = 0; i < expiries.length; ++i) {
            uint64 expiresAt = expiries[i];
            if (block.timestamp < expiresAt) continue;
            uint96 share = _take(accountId, expiresAt);
            if (share == 0) continue;
            amount += share;
            emit ShareSwept(accountId, treasury_, expiresAt, share);
        }
        if (amount == 0) revert NothingToSweep(accountId);
        _release(treasury_, amount);
    }

    // -------------------------------------------------------------------------------------------------------- vaults

    /// @inheritdoc ITipSplitter
    function deployVaults(VaultTerms[] calldata terms) external nonReentrant {
        for (uint256 i = 0; i < terms.length; ++i) {
            _demandAccount(terms[i].creatorId);
            _demandAccount(terms[i].agentId);
            _openVault(terms[i].creatorId, terms[i].agentId, terms[i].ref);
        }
    }

    /// @inheritdoc ITipSplitter
    function vaultOf(bytes32 creatorId, bytes32 agentId, bytes32 ref) external view returns (address) {
        _demandAccount(creatorId);
        _demandAccount(agentId);
        return Create2.computeAddress(_vaultSalt(creatorId, agentId, ref), _vaultInitCodeHash);
    }

    // --------------------------------------------------------------------------------------------------------- admin

    /// @inheritdoc ITipSplitter
    function proposeTreasury(address treasury_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (!_isPayable(treasury_)) revert InvalidTreasury(treasury_);
        pendingTreasury = treasury_;
        emit TreasuryProposed(treasury_);
    }

    /// @inheritdoc ITipSplitter
    function acceptTreasury() external {
        if (msg.sender != pendingTreasury) revert NotTheProposedTreasury(msg.sender, pendingTreasury);
        emit TreasuryChanged(_config.treasury, msg.sender);
        _config.treasury = msg.sender;
        delete pendingTreasury;
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
        if (token == address(_usdc)) {
            uint256 strays = _usdc.balanceOf(address(this)) - totalHeld;
            if (amount > strays) revert RescueExceedsStrays(amount, strays);
        }
        address treasury_ = _config.treasury;
        emit Rescued(token, treasury_, amount);
        IERC20(token).safeTransfer(treasury_, amount);
    }

    /// @inheritdoc ITipSplitter
    function anchorAudit(bytes32 root, uint64 first, uint64 last) external onlyRole(AUDITOR_ROLE) {
        if (first > last) revert InvalidAuditRange(first, last);
        emit AuditRoot(root, first, last);
    }

    // --------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ITipSplitter
    function preview(uint256 amount)
        external
        pure
        returns (uint256 creatorShare, uint256 platformShare, uint256 agentShare)
    {
        return SplitMath.split(amount);
    }

    /// @inheritdoc ITipSplitter
    function termsNonce(bytes32 creatorId, bytes32 agentId, bytes32 ref, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(TERMS_TYPEHASH, creatorId, agentId, ref, salt));
    }

    /// @inheritdoc ITipSplitter
    function held(bytes32 accountId, uint64 expiresAt) external view returns (uint256) {
        return _held[accountId][expiresAt];
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

    // ----------------------------------------------------------------------------------------------------- the split

    /// @dev The door of the four tip entry points. Reads the config once, so it hands the treasury on.
    function _admit(uint256 amount) private view returns (address treasury_) {
        if (_config.paused) revert TipsPaused();
        if (amount < _config.minTip) revert TipBelowMinimum(amount, _config.minTip);
        return _config.treasury;
    }

    /// @param payer who is named as the payer; zero when that is not known
    /// @param source where the money is: with the payer, here already, or in a vault
    function _split(
        bytes32 creatorId,
        bytes32 agentId,
        bytes32 ref,
        uint256 amount,
        address payer,
        address source,
        Rail rail,
        address treasury_
    ) private {
        if (amount > type(uint96).max) revert AmountTooLarge(amount, type(uint96).max);
        (uint256 creatorShare, uint256 platformShare, uint256 agentShare) = SplitMath.split(amount);
        address creatorWallet = _activeWallet(creatorId);
        address agentWallet = _activeWallet(agentId);
        bool vaulted = rail >= Rail.X402;
        // Straight from the source to each recipient: passing through this contract would cost a transfer more.
        uint256 unpaid;
        if (vaulted) {
            unpaid = TipVault(source)
                .payLegs(creatorWallet, creatorShare, treasury_, platformShare, agentWallet, agentShare);
        } else {
            if (!_trySend(source, creatorWallet, creatorShare)) unpaid |= CREATOR_LEG;
            if (!_trySend(source, treasury_, platformShare)) unpaid |= PLATFORM_LEG;
            if (!_trySend(source, agentWallet, agentShare)) unpaid |= AGENT_LEG;
        }
        if (unpaid != 0) {
            if (unpaid & CREATOR_LEG != 0) _hold(source, vaulted, creatorId, ref, creatorWallet, creatorShare);
            if (unpaid & PLATFORM_LEG != 0) _hold(source, vaulted, PLATFORM_ID, ref, treasury_, platformShare);
            if (unpaid & AGENT_LEG != 0) _hold(source, vaulted, agentId, ref, agentWallet, agentShare);
        }
        emit TipSplit(
            ref,
            creatorId,
            payer,
            agentId,
            uint96(amount),
            uint96(creatorShare),
            uint96(agentShare),
            creatorWallet,
            agentWallet,
            uint8(unpaid),
            rail
        );
    }

    function _trySend(address source, address to, uint256 share) private returns (bool) {
        return source == address(this) ? _usdc.tryTransfer(to, share) : _usdc.tryTransferFrom(source, to, share);
    }

    /// @dev Keeps a share that did not go, if there is nobody to pay or USDC says that it refuses the wallet. Otherwise the
    /// transfer failed for a reason that is not the recipient's, and the whole tip fails with it.
    function _hold(address source, bool vaulted, bytes32 accountId, bytes32 ref, address wallet, uint256 share)
        private
    {
        HoldReason reason = HoldReason.Blacklisted;
        if (wallet == address(0)) {
            _demandAccount(accountId); // here and not at the door: an account that has a wallet is not reserved
            reason = HoldReason.NoWallet;
        } else if (!_usdc.isBlacklisted(wallet)) {
            _send(source, vaulted, wallet, share);
            revert TransferFailed(wallet, share);
        }
        _send(source, vaulted, address(this), share);
        uint64 expiresAt = uint64(block.timestamp) + HOLD_PERIOD;
        _held[accountId][expiresAt] += uint96(share);
        totalHeld += share;
        emit ShareHeld(accountId, ref, expiresAt, uint96(share), reason);
    }

    /// @dev One leg that must go; USDC's own reason passes through where it is asked directly.
    function _send(address source, bool vaulted, address to, uint256 share) private {
        bool sent;
        if (vaulted) sent = TipVault(source).payLegs(to, share, address(0), 0, address(0), 0) & CREATOR_LEG == 0;
        else if (source != address(this)) sent = _usdc.transferFrom(source, to, share);
        else sent = to == address(this) || _usdc.transfer(to, share);
        if (!sent) revert TransferFailed(to, share);
    }

    /// @dev The bucket's content, which is gone afterwards.
    function _take(bytes32 accountId, uint64 expiresAt) private returns (uint96 share) {
        share = _held[accountId][expiresAt];
        if (share != 0) delete _held[accountId][expiresAt];
    }

    function _release(address to, uint256 amount) private {
        totalHeld -= amount;
        if (!_usdc.tryTransfer(to, amount)) revert TransferFailed(to, amount);
    }

    function _openVault(bytes32 creatorId, bytes32 agentId, bytes32 ref) private returns (address vault) {
        bytes32 salt = _vaultSalt(creatorId, agentId, ref);
        vault = Create2.computeAddress(salt, _vaultInitCodeHash);
        if (vault.code.length == 0) {
            new TipVault{salt: salt}(_usdc);
            emit VaultDeployed(vault, ref, creatorId, agentId);
        }
    }

    function _vaultSalt(bytes32 creatorId, bytes32 agentId, bytes32 ref) private pure returns (bytes32 salt) {
        assembly ("memory-safe") {
            let ids := mload(0x40)
            mstore(ids, creatorId)
            mstore(add(ids, 0x20), agentId)
            mstore(add(ids, 0x40), ref)
            salt := keccak256(ids, 0x60)
        }
    }

    function _setMinTip(uint64 minTip_) private {
        if (minTip_ < SplitMath.SMALLEST_AMOUNT) revert MinTipTooLow(minTip_, SplitMath.SMALLEST_AMOUNT);
        _config.minTip = minTip_;
        emit MinTipSet(minTip_);
    }

    function _isPayable(address wallet) internal view override returns (bool) {
        return wallet != address(0) && wallet != address(this) && wallet != address(_usdc);
    }

    /// @dev What USDC itself says, and what a payer computes from its name and version, must both be what the deployer expects.
    function _demandUsdcDomain(IUSDC usdc, bytes32 expected) private view {
        bytes32 said = usdc.DOMAIN_SEPARATOR();
        if (said != expected) revert UnexpectedUsdcDomain(expected, said);
        bytes32 name = keccak256(bytes(usdc.name()));
        bytes32 version = keccak256(bytes(usdc.version()));
        bytes32 computed = keccak256(abi.encode(DOMAIN_TYPEHASH, name, version, block.chainid, usdc));
        if (computed != expected) revert UnexpectedUsdcDomain(expected, computed);
    }
}
