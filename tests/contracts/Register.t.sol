// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev A smart wallet (ERC-1271) that says yes to the signatures of one key.
contract SmartWallet {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s) = abi.decode(signature, (bytes32, bytes32));
        return ecrecover(digest, uint8(signature[64]), r, s) == OWNER ? this.isValidSignature.selector : bytes4(0);
    }
}

/// @dev Code that knows nothing of ERC-1271.
contract Silent {
    fallback() external {}
}

contract RegisterTest is Base {
    // 7
    function test_theFirstWalletCountsAtOnce() public {
        vm.recordLogs();
        _register(NOBODY, OTHER_KEY);
        Vm.Log memory log = _theLog(ITipSplitter.WalletSet.selector);
        vm.assertEq(log.topics[1], NOBODY, "account");
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(otherWallet))), "wallet");
        vm.assertEq(log.topics[3], 0, "previous");
        (address wallet, ITipSplitter.WalletStatus status) = splitter.walletOf(NOBODY);
        vm.assertEq(wallet, otherWallet, "wallet");
        vm.assertTrue(status == ITipSplitter.WalletStatus.Active, "status");
        vm.assertEq(splitter.consentNonce(NOBODY), 1, "nonce");
        _tip(NOBODY, AGENT);
        vm.assertEq(usdc.balanceOf(otherWallet), 200_000, "paid");
    }

    // 7: one wallet may serve several accounts
    function test_oneWalletMayServeTwoAccounts() public {
        _register(NOBODY, CREATOR_KEY);
        _tip(NOBODY, AGENT);
        vm.assertEq(usdc.balanceOf(creatorWallet), 200_000, "paid");
    }

    // 7
    function test_reverts_whenTheAccountIsReserved() public {
        bytes32[2] memory reserved = [bytes32(0), PLATFORM];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory consent = _signConsent(OTHER_KEY, reserved[i], otherWallet, 0, FAR);
            _assertRefused(
                reserved[i],
                otherWallet,
                FAR,
                consent,
                abi.encodeWithSelector(ITipSplitter.ReservedAccount.selector, reserved[i])
            );
        }
    }

    // 7
    function test_reverts_whenTheWalletWouldLoseTheMoney() public {
        address[3] memory wallets = [address(0), address(splitter), address(usdc)];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWallet.selector, wallets[i]);
            _assertRefused(NOBODY, wallets[i], FAR, "", reason);
        }
    }

    // 7
    function test_reverts_whenTheAccountHasAWallet() public {
        bytes memory consent = _signConsent(OTHER_KEY, CREATOR, otherWallet, 1, FAR);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.WalletAlreadySet.selector, CREATOR, creatorWallet);
        _assertRefused(CREATOR, otherWallet, FAR, consent, reason);
    }

    // 7: the deadline itself is still good
    function test_reverts_whenTheConsentHasExpired() public {
        uint256 deadline = block.timestamp;
        bytes memory consent = _signConsent(OTHER_KEY, NOBODY, otherWallet, 0, deadline);
        vm.warp(deadline + 1);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.ConsentExpired.selector, deadline, deadline + 1);
        _assertRefused(NOBODY, otherWallet, deadline, consent, reason);
        vm.warp(deadline);
        vm.prank(registrar);
        splitter.register(NOBODY, otherWallet, deadline, consent);
    }

    // 7: consent to one thing is no consent to another
    function test_reverts_whenTheConsentIsForSomethingElse() public {
        bytes[6] memory consents = [
            _signConsent(CREATOR_KEY, NOBODY, otherWallet, 0, FAR), // another's key
            _signConsent(OTHER_KEY, NO_AGENT, otherWallet, 0, FAR), // another account
            _signConsent(OTHER_KEY, NOBODY, creatorWallet, 0, FAR), // another wallet
            _signConsent(OTHER_KEY, NOBODY, otherWallet, 1, FAR), // another nonce
            _signConsent(OTHER_KEY, NOBODY, otherWallet, 0, FAR - 1), // another deadline
            bytes("")
        ];
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, otherWallet);
        for (uint256 i = 0; i < consents.length; ++i) {
            _assertRefused(NOBODY, otherWallet, FAR, consents[i], reason);
        }
    }

    // 7: the consent of another deployment, or of another chain
    function test_reverts_whenTheConsentIsForAnotherContractOrChain() public {
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, otherWallet);
        bytes memory consent = _signConsent(OTHER_KEY, NOBODY, otherWallet, 0, FAR);
        vm.chainId(8453);
        _assertRefused(NOBODY, otherWallet, FAR, consent, reason);
        vm.chainId(84532);
        splitter = _deploySplitter(usdc.DOMAIN_SEPARATOR(), treasury, MIN_TIP);
        bytes32 role = splitter.REGISTRAR_ROLE();
        vm.prank(admin);
        splitter.grantRole(role, registrar);
        _assertRefused(NOBODY, otherWallet, FAR, consent, reason);
    }

    // 7: a consent counts once, also after the wallet was revoked
    function test_reverts_whenTheConsentIsReplayed() public {
        bytes memory consent = _signConsent(OTHER_KEY, NOBODY, otherWallet, 0, FAR);
        vm.prank(registrar);
        splitter.register(NOBODY, otherWallet, FAR, consent);
        vm.prank(otherWallet);
        splitter.revoke(NOBODY);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, otherWallet);
        _assertRefused(NOBODY, otherWallet, FAR, consent, reason);
    }

    // 7: ERC-1271
    function test_aSmartWalletConsentsByItsCode() public {
        SmartWallet wallet = new SmartWallet(otherWallet);
        bytes memory wrong = _signConsent(CREATOR_KEY, NOBODY, address(wallet), 0, FAR);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, wallet);
        _assertRefused(NOBODY, address(wallet), FAR, wrong, reason);
        bytes memory consent = _signConsent(OTHER_KEY, NOBODY, address(wallet), 0, FAR);
        vm.prank(registrar);
        splitter.register(NOBODY, address(wallet), FAR, consent);
        _tip(NOBODY, AGENT);
        vm.assertEq(usdc.balanceOf(address(wallet)), 200_000, "paid");
    }

    // 7: EIP-7702: an account with delegated code that is no ERC-1271 still signs with its key
    function test_aDelegatedAccountConsentsByItsKey() public {
        vm.etch(otherWallet, abi.encodePacked(hex"ef0100", address(new Silent())));
        _register(NOBODY, OTHER_KEY);
        (address wallet,) = splitter.walletOf(NOBODY);
        vm.assertEq(wallet, otherWallet, "wallet");
    }

    // 7
    function test_reverts_whenAContractSaysNothing() public {
        address silent = address(new Silent());
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, silent);
        _assertRefused(NOBODY, silent, FAR, _signConsent(OTHER_KEY, NOBODY, silent, 0, FAR), reason);
        _assertRefused(NOBODY, silent, FAR, "", reason);
    }

    // 7
    function test_reverts_whenRegistrationIsFrozen() public {
        vm.prank(pauser);
        splitter.freezeRegistration();
        bytes memory consent = _signConsent(OTHER_KEY, NOBODY, otherWallet, 0, FAR);
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.RegistrationIsFrozen.selector);
        _assertRefused(NOBODY, otherWallet, FAR, consent, reason);
        vm.prank(admin);
        splitter.unfreezeRegistration();
        _register(NOBODY, OTHER_KEY);
    }

    // 7: no signature but the wallet's own passes
    function testFuzz_noOtherSignaturePasses(bytes calldata signature) public {
        vm.assume(keccak256(signature) != keccak256(_signConsent(OTHER_KEY, NOBODY, otherWallet, 0, FAR)));
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, otherWallet);
        _assertRefused(NOBODY, otherWallet, FAR, signature, reason);
    }

    function _assertRefused(
        bytes32 accountId,
        address wallet,
        uint256 deadline,
        bytes memory consent,
        bytes memory reason
    ) private {
        uint256 nonce = splitter.consentNonce(accountId);
        _assertReverts(
            Call(registrar, abi.encodeCall(splitter.register, (accountId, wallet, deadline, consent))), reason
        );
        vm.assertEq(splitter.consentNonce(accountId), nonce, "nonce");
    }
}
