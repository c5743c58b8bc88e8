// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IUSDC} from "./IUSDC.sol";
import {TipVault} from "./TipVault.sol";

/// @title The calls that every tip makes
/// @dev In assembly because what Solidity wraps around a call (`try`, allocating and checking what comes back) costs 120 to 500 gas
/// each time, several times a tip (docs/gas.md). A transfer counts as done only if the call succeeded and returned `true`; to
/// nobody it is not even tried. Why one failed is not kept.
library LeanCalls {
    function tryTransfer(IUSDC usdc, address to, uint256 amount) internal returns (bool done) {
        bytes4 selector = IUSDC.transfer.selector;
        assembly ("memory-safe") {
            if shl(96, to) {
                let callData := mload(0x40)
                mstore(callData, selector)
                mstore(add(callData, 0x04), to)
                mstore(add(callData, 0x24), amount)
                done := call(gas(), usdc, 0, callData, 0x44, 0x00, 0x20)
                done := and(done, and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1)))
            }
        }
    }

    function tryTransferFrom(IUSDC usdc, address from, address to, uint256 amount) internal returns (bool done) {
        bytes4 selector = IUSDC.transferFrom.selector;
        assembly ("memory-safe") {
            if shl(96, to) {
                let callData := mload(0x40)
                mstore(callData, selector)
                mstore(add(callData, 0x04), from)
                mstore(add(callData, 0x24), to)
                mstore(add(callData, 0x44), amount)
                done := call(gas(), usdc, 0, callData, 0x64, 0x00, 0x20)
                done := and(done, and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1)))
            }
        }
    }

    function tryTransferWithAuthorization(
        IUSDC usdc,
        address from,
        address to,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) internal returns (bool done) {
        bytes4 selector = IUSDC.transferWithAuthorization.selector;
        assembly ("memory-safe") {
            let callData := mload(0x40)
            mstore(callData, selector)
            mstore(add(callData, 0x04), from)
            mstore(add(callData, 0x24), to)
            mstore(add(callData, 0x44), amount)
            mstore(add(callData, 0x64), validAfter)
            mstore(add(callData, 0x84), validBefore)
            mstore(add(callData, 0xa4), nonce)
            mstore(add(callData, 0xc4), 0xe0)
            mstore(add(callData, 0xe4), signature.length)
            let padded := and(add(signature.length, 0x1f), not(0x1f))
            mstore(add(add(callData, 0xe4), padded), 0)
            calldatacopy(add(callData, 0x104), signature.offset, signature.length)
            done := call(gas(), usdc, 0, callData, add(0x104, padded), 0x00, 0x00)
        }
    }

    /// @dev Reverts if USDC does not answer.
    function balance(IUSDC usdc, address account) internal view returns (uint256 amount) {
        bytes4 selector = IUSDC.balanceOf.selector;
        assembly ("memory-safe") {
            let callData := mload(0x40)
            mstore(callData, selector)
            mstore(add(callData, 0x04), account)
            let answered := staticcall(gas(), usdc, callData, 0x24, 0x00, 0x20)
            if iszero(and(answered, gt(returndatasize(), 0x1f))) { revert(0, 0) }
            amount := mload(0x00)
        }
    }

    /// @dev `TipVault.pay`. Reverts if the vault does.
    function payLegs(
        TipVault vault,
        address creator,
        uint256 creatorShare,
        address platform,
        uint256 platformShare,
        address agent,
        uint256 agentShare
    ) internal returns (uint256 unpaid) {
        bytes4 selector = TipVault.pay.selector;
        assembly ("memory-safe") {
            let callData := mload(0x40)
            mstore(callData, selector)
            mstore(add(callData, 0x04), creator)
            mstore(add(callData, 0x24), creatorShare)
            mstore(add(callData, 0x44), platform)
            mstore(add(callData, 0x64), platformShare)
            mstore(add(callData, 0x84), agent)
            mstore(add(callData, 0xa4), agentShare)
            let answered := call(gas(), vault, 0, callData, 0xc4, 0x00, 0x20)
            if iszero(and(answered, gt(returndatasize(), 0x1f))) { revert(0, 0) }
            unpaid := mload(0x00)
        }
    }
}
