// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

// `&&` and `||` branch, and each branch doubles the paths that the solvers are asked about.

function both(bool left, bool right) pure returns (bool answer) {
    assembly ("memory-safe") {
        answer := and(left, right)
    }
}

function either(bool left, bool right) pure returns (bool answer) {
    assembly ("memory-safe") {
        answer := or(left, right)
    }
}
