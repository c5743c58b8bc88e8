// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC7821} from "@openzeppelin/contracts/account/extensions/draft-ERC7821.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignerEIP7702} from "@openzeppelin/contracts/utils/cryptography/signers/SignerEIP7702.sol";
import {ERC7739} from "@openzeppelin/contracts/utils/cryptography/signers/draft-ERC7739.sol";

// What people delegate their accounts to (EIP-7702), of OpenZeppelin's parts. All three run batches (ERC-7821).

/// @dev Answers for what the account's own key signed, as the ERC-4337 reference's Simple7702Account does.
contract KeyDelegate is IERC1271, SignerEIP7702, ERC7821 {
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        return _rawSignatureValidation(digest, signature) ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @dev Answers only for what was signed for this very account (ERC-7739), as OpenZeppelin's wizard makes them.
contract NestedDelegate is ERC7739, SignerEIP7702, ERC7821 {
    constructor() EIP712("NestedDelegate", "1") {}
}

/// @dev Runs batches and knows nothing of signatures.
contract MuteDelegate is ERC7821 {}

/// @dev A contract that holds money and does as its owner says, without ERC-1271.
contract MuteWallet {
    address private immutable OWNER = msg.sender;

    function execute(address target, bytes calldata data) external {
        require(msg.sender == OWNER, "not the owner");
        (bool ok, bytes memory answer) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}
