// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title TipSplitter: one tip, three recipients, one transaction or nothing
/// @notice Splits every USDC tip 80 % creator / 19 % platform / 1 % agent. A share whose recipient has no verified wallet,
/// or whose wallet USDC blacklists, is held 30 days: claimable before that instant, swept to the treasury from it on.
/// @dev All amounts are micro-USDC (6 decimals). Accounts and refs are `bytes32` ids derived from the platform's UUIDs
/// (`bytes32(uint256(uuid))`: left-padded). The laws are numbered in docs/invariants.md; the tests cite them.
interface ITipSplitter {
    // --------------------------------------------------------------------------------------------------------- types

    /// @notice How the money came in. Order is part of the ABI: append only.
    enum Rail {
        Approve, // `tip`: the payer approved us before
        Permit, // `tipWithPermit`: EIP-2612
        Authorization, // `tipWithAuthorization`: EIP-3009 receive, nonce = the terms
        X402, // `tipX402`: EIP-3009 transfer into the episode's vault
        Flush // `flush`: a plain transfer (or a front-run authorization) into the vault
    }

    /// @notice Why a share was held instead of paid. Order is part of the ABI: append only.
    enum HoldReason {
        NoWallet, // the account has no verified wallet, or revoked it
        Blacklisted // USDC refuses the wallet
    }

    /// @notice Where an account's wallet stands.
    enum WalletStatus {
        None, // never registered
        Active, // proved itself; receives shares
        Revoked // kept in the slot, so that the next one waits like a rotation; receives nothing
    }

    /// @notice The three ids that make a vault: it can pay only this creator, this agent and the platform, for this ref.
    struct VaultTerms {
        bytes32 creatorId;
        bytes32 agentId;
        bytes32 ref;
    }

    /// @notice A wallet change that waits.
    /// @param wallet the wallet that will receive from then on
    /// @param readyAt unix seconds from which anyone may confirm it
    /// @param vetoed the old wallet (or the admin) cancelled it; only the admin can still complete it, `VETO_OVERRIDE_DELAY` after start
    struct Rotation {
        address wallet;
        uint64 readyAt;
        bool vetoed;
    }

    // -------------------------------------------------------------------------------------------------------- events

    /// @notice One tip was split. The platform's share is `amount - creatorShare - agentShare`.
    /// @param ref the episode the payer paid for; nothing on-chain ties it to the pair that was paid
    /// @param payer zero when the money's origin is not one known payer (see `VaultFlushed`)
    /// @param creatorWallet where the creator's share went, or would have gone if USDC did not refuse the wallet; zero when
    /// there was none. `agentWallet` likewise
    /// @param heldMask bit 0: creator's share held, bit 1: platform's, bit 2: agent's
    event TipSplit(
        bytes32 indexed ref,
        bytes32 indexed creatorId,
        address indexed payer,
        bytes32 agentId,
        uint96 amount,
        uint96 creatorShare,
        uint96 agentShare,
        address creatorWallet,
        address agentWallet,
        uint8 heldMask,
        Rail rail
    );

    /// @notice A share was held until `expiresAt` (unix seconds; claimable strictly before, sweepable from then on).
    event ShareHeld(bytes32 indexed accountId, bytes32 indexed ref, uint64 expiresAt, uint96 amount, HoldReason reason);
    /// @notice A held bucket was paid to its account's wallet.
    event ShareClaimed(bytes32 indexed accountId, address indexed wallet, uint64 expiresAt, uint96 amount);
    /// @notice An expired bucket went to the treasury.
    event ShareSwept(bytes32 indexed accountId, address indexed treasury, uint64 expiresAt, uint96 amount);

    /// @notice A vault was deployed. Transfers to its address may be older than this event.
    event VaultDeployed(address indexed vault, bytes32 indexed ref, bytes32 indexed creatorId, bytes32 agentId);
    /// @notice A vault's whole balance was split; one `TipSplit` follows in the same transaction.
    /// @param payer,nonce the authorization that brought exactly this amount in this call; both zero otherwise
    event VaultFlushed(address indexed vault, bytes32 indexed ref, address indexed payer, uint96 amount, bytes32 nonce);

    /// @notice The account receives at `wallet` from now on. `previous` is zero the first time.
    event WalletSet(bytes32 indexed accountId, address indexed wallet, address indexed previous);
    /// @notice A wallet change was announced; anyone may confirm it from `readyAt` (unix seconds) unless it is cancelled.
    event WalletRotationStarted(
        bytes32 indexed accountId, address indexed oldWallet, address indexed newWallet, uint64 readyAt
    );
    /// @notice The old wallet, or the admin, vetoed the announced change.
    event WalletRotationCancelled(bytes32 indexed accountId, address indexed oldWallet, address indexed newWallet);
    /// @notice The wallet receives nothing any more; shares are held until another one is registered.
    event WalletRevoked(bytes32 indexed accountId, address indexed wallet);

    event TreasuryProposed(address indexed treasury);
    event TreasuryChanged(address indexed previous, address indexed treasury);
    event MinTipSet(uint64 minTip);
    event Paused(address account);
    event Unpaused(address account);
    /// @notice Wallet registrations and rotations stopped.
    event RegistrationFrozen(address account);
    event RegistrationUnfrozen(address account);
    /// @notice Tokens that nobody is owed went to the treasury.
    event Rescued(address indexed token, address indexed treasury, uint256 amount);
    /// @notice The Merkle root over audit events `first..last` (inclusive ids).
    event AuditRoot(bytes32 root, uint64 first, uint64 last);

    // -------------------------------------------------------------------------------------------------------- errors

    error TipBelowMinimum(uint256 amount, uint256 minimum);
    error AmountTooLarge(uint256 amount, uint256 maximum);
    error VaultBelowMinimum(address vault, uint256 balance, uint256 minimum);
    error ReservedAccount(bytes32 accountId);
    error TipsPaused();
    error AlreadyPaused();
    error NotPaused();
    error RegistrationIsFrozen();
    error RegistrationNotFrozen();
    error TransferFailed(address to, uint256 amount);
    error NothingToClaim(bytes32 accountId);
    error NothingToSweep(bytes32 accountId);
    error NoVerifiedWallet(bytes32 accountId);
    error WalletAlreadySet(bytes32 accountId, address wallet);
    error InvalidWallet(address wallet);
    error InvalidWalletSignature(address wallet);
    error ConsentExpired(uint256 deadline, uint256 timestamp);
    error NoRotation(bytes32 accountId);
    error RotationNotReady(bytes32 accountId, uint64 readyAt);
    error RotationVetoed(bytes32 accountId);
    error RotationNotVetoed(bytes32 accountId);
    error NotTheWallet(address caller, address wallet);
    error NotTheProposedTreasury(address caller, address proposed);
    error InvalidTreasury(address treasury);
    error MinTipTooLow(uint256 minTip, uint256 floor);
    error RescueExceedsStrays(uint256 amount, uint256 strays);
    error InvalidAuditRange(uint64 first, uint64 last);
    error UnexpectedUsdcDomain(bytes32 expected, bytes32 actual);

    // ---------------------------------------------------------------------------------------------------------- tips

    /// @notice Pulls `amount` from the caller (who approved us) and splits it.
    /// @dev For every rail: creator and agent may be the same account; id 0 and `PLATFORM_ID` may not be tipped. USDC's own
    /// reason passes through when it refuses the money.
    function tip(bytes32 creatorId, bytes32 agentId, uint256 amount, bytes32 ref) external;

    /// @notice Same, with an EIP-2612 permit for exactly `amount`. A permit that was front-run is not an error as long as the
    /// allowance is there.
    function tipWithPermit(
        bytes32 creatorId,
        bytes32 agentId,
        uint256 amount,
        bytes32 ref,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Splits an EIP-3009 `ReceiveWithAuthorization` to this contract whose nonce is `termsNonce(...)`: anyone may
    /// submit it, nobody can change its terms.
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
    ) external;

    /// @notice Pulls an EIP-3009 `TransferWithAuthorization` into the vault of the three ids, and splits the vault's whole balance.
    /// If somebody submitted the authorization before us, what lies in the vault is split all the same (rail `Flush`).
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
    ) external;

    /// @notice Splits what lies in the vault (at least 100 units). Works while paused; anyone may call it.
    function flush(bytes32 creatorId, bytes32 agentId, bytes32 ref) external;

    // --------------------------------------------------------------------------------------------------------- holds

    /// @notice Pays the account's buckets of these expiries, if not yet expired, to its registered wallet (the platform's to
    /// the treasury). Empty, repeated and expired ones are skipped. Anyone may call it.
    /// @return amount what was paid
    function claim(bytes32 accountId, uint64[] calldata expiries) external returns (uint256 amount);

    /// @notice Sends the account's expired buckets to the treasury. Anyone may call it.
    /// @return amount what was swept
    function sweep(bytes32 accountId, uint64[] calldata expiries) external returns (uint256 amount);

    // -------------------------------------------------------------------------------------------------------- vaults

    /// @notice Deploys the vaults that do not exist yet.
    function deployVaults(VaultTerms[] calldata terms) external;
    /// @notice The vault's address, whether deployed or not (CREATE2).
    function vaultOf(bytes32 creatorId, bytes32 agentId, bytes32 ref) external view returns (address);

    // ------------------------------------------------------------------------------------------------------- wallets

    /// @notice Registers the account's wallet with the wallet's own consent (EIP-712 `WalletConsent`). The first one counts at
    /// once; after a `revoke` it waits like a rotation. Registrar only.
    function register(bytes32 accountId, address wallet, uint256 deadline, bytes calldata walletSignature) external;

    /// @notice Changes the wallet: at once if the old wallet co-signs (EIP-712 `WalletRotation`), else after 48 hours.
    /// Registrar only.
    /// @param oldWalletSignature empty when the old wallet does not co-sign
    function rotate(
        bytes32 accountId,
        address newWallet,
        uint256 deadline,
        bytes calldata newWalletSignature,
        bytes calldata oldWalletSignature
    ) external;

    /// @notice Completes an announced rotation from its `readyAt` on. Anyone may call it.
    function confirmRotation(bytes32 accountId) external;
    /// @notice Vetoes an announced rotation. The old wallet, or the admin (whatever a stolen registrar key announced must not wait
    /// to be confirmed when registration is unfrozen).
    function cancelRotation(bytes32 accountId) external;
    /// @notice Completes a vetoed rotation 7 days after it was announced. Admin only (a stolen old wallet must not veto for ever).
    function overrideVeto(bytes32 accountId) external;
    /// @notice Stops payments to the account's wallet. The wallet itself, or the admin.
    function revoke(bytes32 accountId) external;

    // --------------------------------------------------------------------------------------------------------- admin

    function proposeTreasury(address treasury) external;
    /// @notice Only the proposed treasury: it proves that it can act.
    function acceptTreasury() external;
    function setMinTip(uint64 minTip) external;
    /// @notice Stops the four tip entry points; never claims, sweeps or flushes.
    function pause() external;
    function unpause() external;
    /// @notice Stops `register`, `rotate` and `confirmRotation`: the answer to a stolen registrar key. Pauser only.
    function freezeRegistration() external;
    /// @notice Admin only: by then the registrar has been replaced.
    function unfreezeRegistration() external;
    /// @notice Sends tokens that nobody is owed to the treasury; of USDC at most `balance - totalHeld`.
    function rescue(address token, uint256 amount) external;
    function anchorAudit(bytes32 root, uint64 first, uint64 last) external;

    // --------------------------------------------------------------------------------------------------------- views

    /// @notice The split of `amount`: `agent = ⌊a/100⌋`, `platform = ⌊19a/100⌋`, `creator = a − agent − platform`.
    function preview(uint256 amount)
        external
        pure
        returns (uint256 creatorShare, uint256 platformShare, uint256 agentShare);
    /// @notice The EIP-3009 nonce that binds an authorization to these terms.
    function termsNonce(bytes32 creatorId, bytes32 agentId, bytes32 ref, bytes32 salt) external pure returns (bytes32);
    function walletOf(bytes32 accountId) external view returns (address wallet, WalletStatus status);
    function rotationOf(bytes32 accountId) external view returns (Rotation memory);
    /// @notice The nonce that the account's next `WalletConsent` or `WalletRotation` signs.
    function consentNonce(bytes32 accountId) external view returns (uint256);
    /// @notice What the account's bucket of this expiry holds, micro-USDC.
    function held(bytes32 accountId, uint64 expiresAt) external view returns (uint256);
    function totalHeld() external view returns (uint256);
    function treasury() external view returns (address);
    function pendingTreasury() external view returns (address);
    function minTip() external view returns (uint64);
    function paused() external view returns (bool);
    function registrationFrozen() external view returns (bool);
    function USDC() external view returns (address);
    /// @notice The account id under which the platform's own shares are held.
    function PLATFORM_ID() external view returns (bytes32);
}
