// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IUSDC} from "../src/IUSDC.sol";

/// @title What a tip costs at the very least: the token calls of each rail and nothing else
/// @notice No registry, no event, no fallback, no checks: for `make gas` only, never deployed.
contract GasFloor {
    IUSDC private immutable USDC;

    struct Leg {
        address to;
        uint256 amount;
    }

    constructor(IUSDC usdc) {
        USDC = usdc;
    }

    function approved(Leg[3] calldata legs) external {
        for (uint256 i = 0; i < 3; ++i) {
            USDC.transferFrom(msg.sender, legs[i].to, legs[i].amount);
        }
    }

    /// @dev Of what is here already, as a vault pays.
    function paid(Leg[3] calldata legs) external {
        for (uint256 i = 0; i < 3; ++i) {
            USDC.transfer(legs[i].to, legs[i].amount);
        }
    }

    function permitted(Leg[3] calldata legs, uint256 amount, uint256 deadline, bytes calldata signature) external {
        USDC.permit(msg.sender, address(this), amount, deadline, signature);
        for (uint256 i = 0; i < 3; ++i) {
            USDC.transferFrom(msg.sender, legs[i].to, legs[i].amount);
        }
    }

    function authorized(
        Leg[3] calldata legs,
        address from,
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        USDC.receiveWithAuthorization(from, address(this), amount, 0, validBefore, nonce, signature);
        for (uint256 i = 0; i < 3; ++i) {
            USDC.transfer(legs[i].to, legs[i].amount);
        }
    }
}
