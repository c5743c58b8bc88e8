// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IUSDC} from "./IUSDC.sol";

/// @title An episode's own address for payments that can name nothing but a recipient (x402, plain transfers)
/// @notice Its USDC leaves only through the splitter, by the rule, to the creator and the agent its address was made from.
/// @dev Deployed at a CREATE2 address whose salt is the three ids. As small as it can be, since a tip may have to pay for it:
/// other tokens and ether sent here are lost.
contract TipVault {
    address private immutable SPLITTER;
    IUSDC private immutable USDC;

    error NotTheSplitter();

    constructor(IUSDC usdc) {
        SPLITTER = msg.sender;
        USDC = usdc;
    }

    /// @notice Pays one leg. Only the splitter.
    /// @return what USDC's `transfer` returned; its revert passes through
    function pay(address to, uint256 amount) external returns (bool) {
        if (msg.sender != SPLITTER) revert NotTheSplitter();
        return USDC.transfer(to, amount);
    }
}
