// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title What halmos answers beside forge's cheatcodes
/// @dev https://github.com/a16z/halmos-cheatcodes documents each of these.
interface Svm {
    function enableSymbolicStorage(address account) external;
    function createUint(uint256 bits, string calldata name) external returns (uint256);
    function createAddress(string calldata name) external returns (address);
    function createBytes32(string calldata name) external returns (bytes32);
    function createBytes(uint256 size, string calldata name) external returns (bytes memory);
}

Svm constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
