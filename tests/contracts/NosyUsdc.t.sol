// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title USDC after an upgrade that calls back into the splitter whenever the splitter, or a vault, moves money
/// @dev Otherwise it is the real one, whose code it runs in the same proxy. What it remembers is with itself, not in the proxy.
contract NosyUsdc {
    address private immutable real;
    address private immutable target;
    /// @dev The model, which is no vault though it has code.
    address private immutable owner;
    NosyUsdc private immutable self;

    bytes public callback;
    uint256 public tried;
    uint256 public entered;

    constructor(address real_, address target_) {
        (real, target, owner, self) = (real_, target_, msg.sender, this);
    }

    function plan(bytes calldata callback_) external {
        callback = callback_;
    }

    function note(bool ok) external {
        ++tried;
        if (ok) ++entered;
    }

    fallback() external {
        if (_moves(msg.sig) && msg.sender.code.length != 0 && msg.sender != owner) {
            (bool ok,) = target.call(self.callback());
            self.note(ok);
        }
        (bool done, bytes memory answer) = real.delegatecall(msg.data);
        assembly ("memory-safe") {
            if iszero(done) { revert(add(answer, 0x20), mload(answer)) }
            return(add(answer, 0x20), mload(answer))
        }
    }

    function _moves(bytes4 selector) private pure returns (bool) {
        return selector == bytes4(keccak256("transfer(address,uint256)"))
            || selector == bytes4(keccak256("transferFrom(address,address,uint256)"))
            || selector
                == bytes4(keccak256("receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"))
            || selector
                == bytes4(keccak256("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"));
    }
}
