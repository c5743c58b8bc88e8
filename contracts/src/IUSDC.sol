// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title What we use of Circle's FiatTokenV2_2
/// @dev `transferFrom` also checks the caller's own blacklist flag; an allowance always decrements, even the maximal one; signatures of
/// payers with code (smart wallets, EIP-7702) are checked by ERC-1271 only.
interface IUSDC is IERC20 {
    function isBlacklisted(address account) external view returns (bool);
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    /// @dev EIP-2612, `bytes` overload
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature) external;
    /// @dev EIP-3009, `bytes` overload
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) external;
    /// @dev EIP-3009, `bytes` overload; `to` must be the caller
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) external;
}
