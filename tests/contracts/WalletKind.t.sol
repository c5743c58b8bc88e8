// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

/// @title A kind of wallet: how it comes to be, how it signs, how it acts
/// @dev docs/wallets.md has a line for each kind; its tests are inherited from `WalletIsPaid`, `WalletPaysByCall` and
/// `WalletPaysBySignature` where it can do what they say, and say for themselves where it cannot.
abstract contract WalletKind is Base {
    /// @dev An account that is paid at the wallet, once registered.
    bytes32 internal constant OWN = bytes32(uint256(0xD));
    string internal constant NOT_SIGNED = "FiatTokenV2: invalid signature";
    string internal constant NOT_ALLOWED = "ERC20: transfer amount exceeds allowance";

    address internal wallet;

    function setUp() public virtual override {
        super.setUp();
        wallet = _make();
        vm.label(wallet, "wallet");
        _mint(wallet, 4 * AMOUNT);
    }

    /// @dev Brings the wallet about.
    function _make() internal virtual returns (address);

    /// @dev Its signature, as its owners' software would give it.
    function _word(bytes32 digest) internal view virtual returns (bytes memory);

    /// @dev A call by the wallet. Passes on why it failed.
    function _act(address target, bytes memory data) internal virtual;

    // ------------------------------------------------------------------------------------------- what the wallet signs

    function _consent(bytes32 accountId) internal view returns (bytes memory) {
        return _word(_consentDigest(accountId, wallet, splitter.consentNonce(accountId)));
    }

    function _coSignature(address newWallet) internal view returns (bytes memory) {
        uint256 nonce = splitter.consentNonce(OWN);
        return
            _word(
                _digest(_splitterDomain(), keccak256(abi.encode(ROTATION_TYPEHASH, OWN, wallet, newWallet, nonce, FAR)))
            );
    }

    function _consentDigest(bytes32 accountId, address to, uint256 nonce) internal view returns (bytes32) {
        return _digest(_splitterDomain(), keccak256(abi.encode(CONSENT_TYPEHASH, accountId, to, nonce, FAR)));
    }

    function _permitDigest() internal view returns (bytes32) {
        uint256 nonce = usdc.nonces(wallet);
        bytes32 message = keccak256(abi.encode(PERMIT_TYPEHASH, wallet, splitter, AMOUNT, nonce, FAR));
        return _digest(usdc.DOMAIN_SEPARATOR(), message);
    }

    function _receiveDigest(bytes32 salt) internal view returns (bytes32) {
        bytes32 nonce = splitter.termsNonce(CREATOR, AGENT, REF, salt);
        Authorization memory a = Authorization(wallet, address(splitter), AMOUNT, 0, FAR, nonce);
        return _digest(usdc.DOMAIN_SEPARATOR(), keccak256(abi.encode(RECEIVE_TYPEHASH, a)));
    }

    function _transferDigest(Authorization memory a) internal view returns (bytes32) {
        return _digest(usdc.DOMAIN_SEPARATOR(), keccak256(abi.encode(TRANSFER_TYPEHASH, a)));
    }

    function _digest(bytes32 domain, bytes32 message) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }

    function _keySigns(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    // ------------------------------------------------------------------------------------------------------- the rails

    function _tipData() internal view returns (bytes memory) {
        return abi.encodeCall(splitter.tip, (CREATOR, AGENT, AMOUNT, REF));
    }

    function _permitData(bytes memory signature) internal view returns (bytes memory) {
        return abi.encodeCall(splitter.tipWithPermit, (CREATOR, AGENT, AMOUNT, REF, FAR, signature));
    }

    function _authorizationCall(bytes32 salt, bytes memory signature) internal view returns (Call memory) {
        return Call(
            anyone,
            abi.encodeCall(
                splitter.tipWithAuthorization, (wallet, CREATOR, AGENT, AMOUNT, REF, salt, 0, FAR, signature)
            )
        );
    }

    /// @dev What a stock x402 client signs: to the vault, with a nonce of its own.
    function _toTheVault() internal returns (Authorization memory) {
        return Authorization(wallet, _vaultOf(CREATOR, AGENT), AMOUNT, 0, FAR, _salt());
    }

    function _registerCall(bytes memory consent) internal view returns (Call memory) {
        return Call(registrar, abi.encodeCall(splitter.register, (OWN, wallet, FAR, consent)));
    }

    function _registerOwn() internal {
        _send(_registerCall(_consent(OWN)));
    }

    // -------------------------------------------------------------------------------------------------- what comes of it

    /// @dev Laws 1 and 2, with the wallet for a payer.
    function _assertPaid(Books memory expected, uint256 had) internal view {
        expected.creator += 200_000;
        expected.treasury += 47_500;
        expected.agent += 2_500;
        _assertSame(expected, _books());
        vm.assertEq(had - usdc.balanceOf(wallet), AMOUNT, "the wallet paid");
    }

    function _assertWallet(bytes32 accountId, address expected) internal view {
        (address found, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        vm.assertEq(found, expected, "wallet");
        vm.assertTrue(status == ITipSplitter.WalletStatus.Active, "active");
    }

    /// @dev Law 3: without its word, none of the three rails by signature takes a unit of it.
    function _assertNoSignaturePays(bytes memory permit, bytes memory receive_, bytes32 salt) internal {
        Books memory before = _books();
        uint256 had = usdc.balanceOf(wallet);
        (bool ok,) = address(this).call(abi.encodeCall(this.act, (address(splitter), _permitData(permit))));
        vm.assertFalse(ok, "permit");
        _assertUsdcRefuses(_authorizationCall(salt, receive_), NOT_SIGNED);
        _assertSame(before, _books());
        vm.assertEq(usdc.balanceOf(wallet), had, "the wallet's money");
    }

    function _assertNoX402Pays(Authorization memory a, bytes memory signature) internal {
        uint256 had = usdc.balanceOf(wallet);
        _assertUsdcRefuses(_x402Call(CREATOR, AGENT, a, signature), NOT_SIGNED);
        vm.assertEq(usdc.balanceOf(wallet), had, "the wallet's money");
    }

    /// @dev For failures: a call of its own, whose state is gone when it reverts.
    function act(address target, bytes calldata data) external {
        _act(target, data);
    }

    function _forward(bool ok, bytes memory answer) internal pure {
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}
