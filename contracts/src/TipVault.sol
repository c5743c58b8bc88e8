// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IUSDC} from "./IUSDC.sol";

/// @title An episode's own address for payments that can name nothing but a recipient (x402, plain transfers)
/// @notice Its USDC leaves only through the splitter, by the rule, to the creator and the agent its address was made from.
/// @dev Deployed at a CREATE2 address whose salt is the three ids. As small as it can be, since a tip may have to pay for it:
/// other tokens and ether sent here are lost.
contract TipVault {
    struct Leg {
        address to;
        uint256 amount;
    }

    error NotTheSplitter();

    address private immutable SPLITTER;
    IUSDC private immutable USDC;

    constructor(IUSDC usdc) {
        SPLITTER = msg.sender;
        USDC = usdc;
    }

    /// @notice Pays the creator's leg, the platform's and the agent's, each isolated from the others. Only the splitter.
    /// @return unpaid bit by leg: it failed, or it was to nobody
    /// @dev In assembly because the loop costs half as much so, and the code, which tips pay for, a third less (docs/gas.md). A
    /// leg lies in our calldata as `to` and `amount` lie in the calldata of USDC's `transfer`.
    function pay(Leg[3] calldata) external returns (uint256 unpaid) {
        if (msg.sender != SPLITTER) revert NotTheSplitter();
        address usdc = address(USDC);
        bytes4 selector = IUSDC.transfer.selector;
        assembly ("memory-safe") {
            let callData := mload(0x40)
            mstore(callData, selector)
            for { let leg := 0 } lt(leg, 3) { leg := add(leg, 1) } {
                calldatacopy(add(callData, 0x04), add(0x04, shl(6, leg)), 0x40)
                let done := 0
                if mload(add(callData, 0x04)) {
                    done := call(gas(), usdc, 0, callData, 0x44, 0x00, 0x20)
                    done := and(done, and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1)))
                }
                unpaid := or(unpaid, shl(leg, iszero(done)))
            }
        }
    }
}
