// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ITipSplitter} from "./ITipSplitter.sol";

/// @title Which wallet an account is paid at
/// @notice A wallet counts only with its own signature. Changing one takes 48 hours or the old wallet's signature, so that
/// neither a stolen API key nor a stolen registrar key redirects what an account with a wallet earns.
/// @dev Inherited by the splitter, because a contract of its own would cost every tip a cold call.
abstract contract WalletRegistry is ITipSplitter, EIP712, AccessControlDefaultAdminRules {
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @inheritdoc ITipSplitter
    bytes32 public constant PLATFORM_ID = keccak256("molt.studios.platform");

    uint64 public constant ROTATION_DELAY = 48 hours;
    /// @notice Counted from the announcement, like `ROTATION_DELAY`.
    uint64 public constant VETO_OVERRIDE_DELAY = 7 days;

    bytes32 private constant CONSENT_TYPEHASH =
        keccak256("WalletConsent(bytes32 accountId,address wallet,uint256 nonce,uint256 deadline)");
    bytes32 private constant ROTATION_TYPEHASH = keccak256(
        "WalletRotation(bytes32 accountId,address oldWallet,address newWallet,uint256 nonce,uint256 deadline)"
    );

    /// @dev One slot: a tip reads two of them.
    struct Registered {
        address wallet;
        bool revoked;
    }

    /// @inheritdoc ITipSplitter
    bool public registrationFrozen;
    /// @inheritdoc ITipSplitter
    mapping(bytes32 accountId => uint256) public consentNonce;
    mapping(bytes32 accountId => Registered) private _wallets;
    mapping(bytes32 accountId => Rotation) private _rotations;

    modifier whenRegistrationOpen() {
        if (registrationFrozen) revert RegistrationIsFrozen();
        _;
    }

    /// @inheritdoc ITipSplitter
    function register(bytes32 accountId, address wallet, uint256 deadline, bytes calldata walletSignature)
        external
        onlyRole(REGISTRAR_ROLE)
        whenRegistrationOpen
    {
        _demandAccount(accountId);
        (address current, WalletStatus status) = walletOf(accountId);
        if (status == WalletStatus.Active) revert WalletAlreadySet(accountId, current);
        _demandConsent(accountId, wallet, consentNonce[accountId]++, deadline, walletSignature);
        if (status == WalletStatus.None) _setWallet(accountId, current, wallet);
        else _startRotation(accountId, current, wallet);
    }

    /// @inheritdoc ITipSplitter
    function rotate(
        bytes32 accountId,
        address newWallet,
        uint256 deadline,
        bytes calldata newWalletSignature,
        bytes calldata oldWalletSignature
    ) external onlyRole(REGISTRAR_ROLE) whenRegistrationOpen {
        // A revoked wallet may be a stolen one: its signature no longer shortens the wait, so it has to `register`.
        address oldWallet = _activeWallet(accountId);
        if (oldWallet == address(0)) revert NoVerifiedWallet(accountId);
        if (oldWallet == newWallet) revert WalletAlreadySet(accountId, oldWallet);
        uint256 nonce = consentNonce[accountId]++;
        _demandConsent(accountId, newWallet, nonce, deadline, newWalletSignature);
        if (oldWalletSignature.length == 0) {
            _startRotation(accountId, oldWallet, newWallet);
        } else {
            bytes32 message = keccak256(abi.encode(ROTATION_TYPEHASH, accountId, oldWallet, newWallet, nonce, deadline));
            _demandSignature(oldWallet, message, oldWalletSignature);
            _setWallet(accountId, oldWallet, newWallet);
        }
    }

    /// @inheritdoc ITipSplitter
    function confirmRotation(bytes32 accountId) external whenRegistrationOpen {
        Rotation memory rotation = _pendingRotation(accountId);
        if (rotation.vetoed) revert RotationVetoed(accountId);
        if (block.timestamp < rotation.readyAt) revert RotationNotReady(accountId, rotation.readyAt);
        _setWallet(accountId, _wallets[accountId].wallet, rotation.wallet);
    }

    /// @inheritdoc ITipSplitter
    function cancelRotation(bytes32 accountId) external {
        Rotation memory rotation = _pendingRotation(accountId);
        address oldWallet = _wallets[accountId].wallet;
        _demandWalletOrAdmin(oldWallet);
        if (rotation.vetoed) revert RotationVetoed(accountId);
        _rotations[accountId].vetoed = true;
        emit WalletRotationCancelled(accountId, oldWallet, rotation.wallet);
    }

    /// @inheritdoc ITipSplitter
    function overrideVeto(bytes32 accountId) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Rotation memory rotation = _pendingRotation(accountId);
        if (!rotation.vetoed) revert RotationNotVetoed(accountId);
        uint64 overridableAt = rotation.readyAt - ROTATION_DELAY + VETO_OVERRIDE_DELAY;
        if (block.timestamp < overridableAt) revert RotationNotReady(accountId, overridableAt);
        _setWallet(accountId, _wallets[accountId].wallet, rotation.wallet);
    }

    /// @inheritdoc ITipSplitter
    function revoke(bytes32 accountId) external {
        address wallet = _activeWallet(accountId);
        if (wallet == address(0)) revert NoVerifiedWallet(accountId);
        _demandWalletOrAdmin(wallet);
        _wallets[accountId].revoked = true;
        emit WalletRevoked(accountId, wallet);
    }

    /// @inheritdoc ITipSplitter
    function freezeRegistration() external onlyRole(PAUSER_ROLE) whenRegistrationOpen {
        registrationFrozen = true;
        emit RegistrationFrozen(msg.sender);
    }

    /// @inheritdoc ITipSplitter
    function unfreezeRegistration() external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (!registrationFrozen) revert RegistrationNotFrozen();
        registrationFrozen = false;
        emit RegistrationUnfrozen(msg.sender);
    }

    /// @inheritdoc ITipSplitter
    function walletOf(bytes32 accountId) public view returns (address wallet, WalletStatus status) {
        Registered memory registered = _wallets[accountId];
        if (registered.wallet == address(0)) return (address(0), WalletStatus.None);
        return (registered.wallet, registered.revoked ? WalletStatus.Revoked : WalletStatus.Active);
    }

    /// @inheritdoc ITipSplitter
    function rotationOf(bytes32 accountId) external view returns (Rotation memory) {
        return _rotations[accountId];
    }

    /// @return wallet zero when the account has none that receives
    function _activeWallet(bytes32 accountId) internal view returns (address wallet) {
        Registered storage registered = _wallets[accountId];
        if (!registered.revoked) wallet = registered.wallet;
    }

    /// @dev Zero is what a forgotten argument looks like; the platform's shares go to the treasury, which is no wallet here.
    function _demandAccount(bytes32 accountId) internal pure {
        if (accountId == 0 || accountId == PLATFORM_ID) revert ReservedAccount(accountId);
    }

    /// @dev Addresses where USDC would be lost, or mixed with what is held.
    function _isPayable(address wallet) internal view virtual returns (bool);

    function _setWallet(bytes32 accountId, address previous, address wallet) private {
        delete _rotations[accountId];
        _wallets[accountId] = Registered(wallet, false);
        emit WalletSet(accountId, wallet, previous);
    }

    /// @dev Replaces an earlier announcement, with the whole delay anew.
    function _startRotation(bytes32 accountId, address oldWallet, address newWallet) private {
        uint64 readyAt = uint64(block.timestamp) + ROTATION_DELAY;
        _rotations[accountId] = Rotation(newWallet, readyAt, false);
        emit WalletRotationStarted(accountId, oldWallet, newWallet, readyAt);
    }

    function _pendingRotation(bytes32 accountId) private view returns (Rotation memory rotation) {
        rotation = _rotations[accountId];
        if (rotation.wallet == address(0)) revert NoRotation(accountId);
    }

    function _demandWalletOrAdmin(address wallet) private view {
        if (msg.sender != wallet && !hasRole(DEFAULT_ADMIN_ROLE, msg.sender)) revert NotTheWallet(msg.sender, wallet);
    }

    function _demandConsent(
        bytes32 accountId,
        address wallet,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) private view {
        if (!_isPayable(wallet)) revert InvalidWallet(wallet);
        if (block.timestamp > deadline) revert ConsentExpired(deadline, block.timestamp);
        _demandSignature(wallet, keccak256(abi.encode(CONSENT_TYPEHASH, accountId, wallet, nonce, deadline)), signature);
    }

    /// @dev Plain ECDSA first, also where the signer has code: an EIP-7702 account still signs with its key, and
    /// OpenZeppelin's checker would ask only its code.
    function _demandSignature(address signer, bytes32 message, bytes calldata signature) private view {
        bytes32 digest = _hashTypedDataV4(message);
        (address recovered, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (err == ECDSA.RecoverError.NoError && recovered == signer) return;
        if (!SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature)) {
            revert InvalidWalletSignature(signer);
        }
    }
}
