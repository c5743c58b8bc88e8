// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

/// @title What the tests of changing a wallet share
abstract contract Rotations is Base {
    /// @dev The creator's wallet is to become the other one, without the creator's signature.
    function _startRotation() internal returns (uint64 readyAt) {
        return _startRotation(CREATOR, OTHER_KEY);
    }

    function _startRotation(bytes32 accountId, uint256 key) internal returns (uint64 readyAt) {
        bytes memory consent = _signConsent(key, accountId, vm.addr(key), splitter.consentNonce(accountId), FAR);
        _send(_rotate(accountId, vm.addr(key), FAR, consent, ""));
        return splitter.rotationOf(accountId).readyAt;
    }

    function _rotate(
        bytes32 accountId,
        address newWallet,
        uint256 deadline,
        bytes memory consent,
        bytes memory coSignature
    ) internal view returns (Call memory) {
        return Call(registrar, abi.encodeCall(splitter.rotate, (accountId, newWallet, deadline, consent, coSignature)));
    }

    function _confirm() internal view returns (Call memory) {
        return Call(anyone, abi.encodeCall(splitter.confirmRotation, (CREATOR)));
    }

    function _cancel(address sender) internal view returns (Call memory) {
        return Call(sender, abi.encodeCall(splitter.cancelRotation, (CREATOR)));
    }

    function _override() internal view returns (Call memory) {
        return Call(admin, abi.encodeCall(splitter.overrideVeto, (CREATOR)));
    }

    function _assertWallet(bytes32 accountId, address expected, ITipSplitter.WalletStatus expectedStatus)
        internal
        view
    {
        (address wallet, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        vm.assertEq(wallet, expected, "wallet");
        vm.assertEq(uint256(status), uint256(expectedStatus), "status");
    }
}
