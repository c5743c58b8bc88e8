// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title TipVault: an address that can only be split
/// @notice The USDC that lands here is paid out by the splitter that deployed it, which pays only the creator, the agent and the
/// episode that its address is derived from. There is no other way out: other tokens sent here are lost.
/// @dev The CREATE2 salt is the hash of the three ids; the code holds nothing that configuration could change.
contract TipVault {
    error NotTheSplitter(address caller);

    IERC20 private immutable USDC;
    address private immutable SPLITTER;

    constructor(IERC20 usdc) {
        USDC = usdc;
        SPLITTER = msg.sender;
    }

    function pay(address to, uint256 amount) external returns (bool) {
        if (msg.sender != SPLITTER) revert NotTheSplitter(msg.sender);
        return USDC.transfer(to, amount);
    }
}
