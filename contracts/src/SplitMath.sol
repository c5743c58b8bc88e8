// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title The rule: 80 % creator, 19 % platform, 1 % agent; the creator gets the dust
/// @dev The same arithmetic stands in Python and TypeScript; all agree on tests/vectors/split.json.
library SplitMath {
    /// @notice Below this the agent's share would be zero.
    uint64 internal constant SMALLEST_AMOUNT = 100;

    function split(uint256 amount)
        internal
        pure
        returns (uint256 creatorShare, uint256 platformShare, uint256 agentShare)
    {
        agentShare = amount / 100;
        platformShare = (19 * amount) / 100;
        unchecked {
            creatorShare = amount - agentShare - platformShare; // at least 80 % of it
        }
    }
}
