// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title The rule: 80 % creator, 19 % platform, 1 % agent; the creator gets the dust
library SplitMath {
    /// @notice Below this, the agent's share would be zero.
    uint256 internal constant MIN_SPLIT = 100;

    /// @param amount micro-USDC; callers keep it within `uint96`, so that nothing here can overflow
    function split(uint256 amount)
        internal
        pure
        returns (uint256 creatorShare, uint256 platformShare, uint256 agentShare)
    {
        agentShare = amount / 100;
        platformShare = amount * 19 / 100;
        creatorShare = amount - agentShare - platformShare;
    }
}
