// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ITipSplitter} from "./ITipSplitter.sol";

/// @title Which wallet an account is paid at: proven by the wallet itself, slow and visible to change
/// @dev Wallet and status share a slot, so that a tip reads one slot a recipient.
abstract contract WalletRegistry is ITipSplitter, AccessControlDefaultAdminRules, EIP712 {
    struct WalletSlot {
        address wallet;
        WalletStatus status;
    }

    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    uint64 public constant ROTATION_DELAY = 48 hours;
    uint64 public constant VETO_OVERRIDE_DELAY = 7 days;
    /// @inheritdoc ITipSplitter
    bytes32 public constant PLATFORM_ID = keccak256("molt.studios.platform");

    bytes32 private constant CONSENT_TYPEHASH =
        keccak256("WalletConsent(bytes32 accountId,address wallet,uint256 nonce,uint256 deadline)");
    bytes32 private constant ROTATION_TYPEHASH = keccak256(
        "WalletRotation(bytes32 accountId,address oldWallet,address newWallet,uint256 nonce,uint256 deadline)"
    );

    /// @inheritdoc ITipSplitter
    mapping(bytes32 accountId => uint256) public consentNonce;
    mapping(bytes32 accountId => WalletSlot) private _wallets;
    mapping(bytes32 accountId => Rotation) private _rotations;

    /// @inheritdoc ITipSplitter
    function register(bytes32 accountId, address wallet, uint256 deadline, bytes calldata walletSignature)
        external
        onlyRole(REGISTRAR_ROLE)
    {
        WalletSlot memory current = _wallets[accountId];
        if (current.status == WalletStatus.Active) revert WalletAlreadySet(accountId, current.wallet);
        uint256 nonce = _useConsent(accountId, wallet, deadline);
        _requireConsent(accountId, wallet, nonce, deadline, walletSignature);
        if (current.status == WalletStatus.None) _setWallet(accountId, wallet);
        else _startRotation(accountId, current.wallet, wallet);
    }

    /// @inheritdoc ITipSplitter
    function rotate(
        bytes32 accountId,
        address newWallet,
        uint256 deadline,
        bytes calldata newWalletSignature,
        bytes calldata oldWalletSignature
    ) external onlyRole(REGISTRAR_ROLE) {
        address oldWallet = _activeWallet(accountId);
        if (oldWallet == address(0)) revert NoVerifiedWallet(accountId);
        if (newWallet == oldWallet) revert WalletAlreadySet(accountId, oldWallet);
        uint256 nonce = _useConsent(accountId, newWallet, deadline);
        _requireConsent(accountId, newWallet, nonce, deadline, newWalletSignature);
        if (oldWalletSignature.length == 0) return _startRotation(accountId, oldWallet, newWallet);
        _requireSignature(
            oldWallet,
            keccak256(abi.encode(ROTATION_TYPEHASH, accountId, oldWallet, newWallet, nonce, deadline)),
            oldWalletSignature
        );
        _setWallet(accountId, newWallet);
    }

    /// @inheritdoc ITipSplitter
    function confirmRotation(bytes32 accountId) external {
        Rotation memory rotation = _announced(accountId);
        if (rotation.vetoed) revert RotationVetoed(accountId);
        if (block.timestamp < rotation.readyAt) revert RotationNotReady(accountId, rotation.readyAt);
        _setWallet(accountId, rotation.wallet);
    }

    /// @inheritdoc ITipSplitter
    function cancelRotation(bytes32 accountId) external {
        Rotation memory rotation = _announced(accountId);
        address oldWallet = _wallets[accountId].wallet;
        if (msg.sender != oldWallet) revert NotTheWallet(msg.sender, oldWallet);
        if (rotation.vetoed) revert RotationVetoed(accountId);
        _rotations[accountId].vetoed = true;
        emit WalletRotationCancelled(accountId, oldWallet, rotation.wallet);
    }

    /// @inheritdoc ITipSplitter
    function overrideVeto(bytes32 accountId) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Rotation memory rotation = _announced(accountId);
        if (!rotation.vetoed) revert RotationNotVetoed(accountId);
        uint64 overridableAt = rotation.readyAt - ROTATION_DELAY + VETO_OVERRIDE_DELAY;
        if (block.timestamp < overridableAt) revert RotationNotReady(accountId, overridableAt);
        _setWallet(accountId, rotation.wallet);
    }

    /// @inheritdoc ITipSplitter
    function revoke(bytes32 accountId) external {
        address wallet = _activeWallet(accountId);
        if (wallet == address(0)) revert NoVerifiedWallet(accountId);
        if (msg.sender != wallet && !hasRole(DEFAULT_ADMIN_ROLE, msg.sender)) revert NotTheWallet(msg.sender, wallet);
        _wallets[accountId].status = WalletStatus.Revoked;
        emit WalletRevoked(accountId, wallet);
    }

    /// @inheritdoc ITipSplitter
    function walletOf(bytes32 accountId) external view returns (address wallet, WalletStatus status) {
        WalletSlot memory slot = _wallets[accountId];
        return (slot.wallet, slot.status);
    }

    /// @inheritdoc ITipSplitter
    function rotationOf(bytes32 accountId) external view returns (Rotation memory) {
        return _rotations[accountId];
    }

    /// @dev Zero unless the account has an active wallet.
    function _activeWallet(bytes32 accountId) internal view returns (address) {
        WalletSlot memory slot = _wallets[accountId];
        return slot.status == WalletStatus.Active ? slot.wallet : address(0);
    }

    /// @dev Id 0 and the platform's own are nobody's to register or to tip.
    function _requireOrdinary(bytes32 accountId) internal pure {
        if (accountId == 0 || accountId == PLATFORM_ID) revert ReservedAccount(accountId);
    }

    /// @dev Wallets that could never pay anything out again.
    function _isUnusable(address wallet) internal view virtual returns (bool);

    function _useConsent(bytes32 accountId, address wallet, uint256 deadline) private returns (uint256 nonce) {
        _requireOrdinary(accountId);
        if (_isUnusable(wallet)) revert InvalidWallet(wallet);
        if (block.timestamp > deadline) revert ConsentExpired(deadline, block.timestamp);
        nonce = consentNonce[accountId]++;
    }

    function _setWallet(bytes32 accountId, address wallet) private {
        address previous = _wallets[accountId].wallet;
        _wallets[accountId] = WalletSlot(wallet, WalletStatus.Active);
        delete _rotations[accountId];
        emit WalletSet(accountId, wallet, previous);
    }

    function _startRotation(bytes32 accountId, address oldWallet, address newWallet) private {
        uint64 readyAt = uint64(block.timestamp) + ROTATION_DELAY;
        _rotations[accountId] = Rotation(newWallet, readyAt, false);
        emit WalletRotationStarted(accountId, oldWallet, newWallet, readyAt);
    }

    function _announced(bytes32 accountId) private view returns (Rotation memory rotation) {
        rotation = _rotations[accountId];
        if (rotation.wallet == address(0)) revert NoRotation(accountId);
    }

    function _requireConsent(
        bytes32 accountId,
        address wallet,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) private view {
        _requireSignature(
            wallet, keccak256(abi.encode(CONSENT_TYPEHASH, accountId, wallet, nonce, deadline)), signature
        );
    }

    /// @dev Plain ECDSA first, also where the signer has code: an EIP-7702 account still signs with its key. Then ERC-1271.
    function _requireSignature(address signer, bytes32 structHash, bytes calldata signature) private view {
        bytes32 digest = _hashTypedDataV4(structHash);
        (address recovered,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (recovered == signer) return;
        if (!SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature)) {
            revert InvalidWalletSignature(signer);
        }
    }
}
