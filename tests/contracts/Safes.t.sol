// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {vm} from "./Vm.sol";
import {WalletKind} from "./WalletKind.t.sol";

/// @title What the tests call of Safe 1.5
interface ISafe {
    function setup(
        address[] calldata owners,
        uint256 threshold,
        address to,
        bytes calldata data,
        address fallbackHandler,
        address paymentToken,
        uint256 payment,
        address payable paymentReceiver
    ) external;
    function execTransaction(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address payable refundReceiver,
        bytes calldata signatures
    ) external payable returns (bool);
    function getTransactionHash(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address refundReceiver,
        uint256 nonce
    ) external view returns (bytes32);
    function nonce() external view returns (uint256);
    function approveHash(bytes32 hash) external;
}

interface ISafeFactory {
    function createProxyWithNonce(address singleton, bytes calldata initializer, uint256 salt)
        external
        returns (address);
    function proxyCreationCode() external pure returns (bytes memory);
}

/// @title Safes of two owners who both must sign: Safe's own bytecode, from its npm package
abstract contract Safes is WalletKind {
    uint256 internal constant FIRST_OWNER = 0x5AFE1;
    uint256 internal constant SECOND_OWNER = 0x5AFE2;

    string private constant ARTIFACTS = "node_modules/@safe-global/safe-smart-account/build/artifacts/contracts/";
    bytes32 private constant SAFE_DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(uint256 chainId,address verifyingContract)");
    bytes32 private constant MESSAGE_TYPEHASH = keccak256("SafeMessage(bytes message)");

    ISafeFactory internal factory;
    address internal singleton;
    address internal handler;

    function _installSafe() internal {
        singleton = _safePart("Safe.sol/Safe.json");
        factory = ISafeFactory(_safePart("proxies/SafeProxyFactory.sol/SafeProxyFactory.json"));
        handler = _safePart("handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json");
    }

    function _deployment() internal view returns (bytes memory) {
        return abi.encodeCall(factory.createProxyWithNonce, (singleton, _initializer(), 7));
    }

    /// @dev Where the factory will put it (CREATE2).
    function _addressOfSafe() internal view returns (address) {
        bytes32 salt = keccak256(abi.encodePacked(keccak256(_initializer()), uint256(7)));
        bytes memory code = abi.encodePacked(factory.proxyCreationCode(), abi.encode(singleton));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", factory, salt, keccak256(code))))));
    }

    /// @dev What a Safe's owners sign for it: a message of the Safe's, so that one owner's word to two Safes is not one word.
    function _safeMessage(bytes32 digest) internal view returns (bytes32) {
        return _digest(_safeDomain(), keccak256(abi.encode(MESSAGE_TYPEHASH, keccak256(abi.encode(digest)))));
    }

    function _word(bytes32 digest) internal view override returns (bytes memory) {
        return _ownersSign(_safeMessage(digest));
    }

    function _act(address target, bytes memory data) internal override {
        _execute(target, data, 0);
    }

    /// @dev The Safe says on-chain that a digest is its word: an empty signature counts from then on.
    function _signOnChain(bytes32 digest) internal {
        address library_ = _safePart("libraries/SignMessageLib.sol/SignMessageLib.json");
        _execute(library_, abi.encodeWithSignature("signMessage(bytes)", abi.encode(digest)), 1);
    }

    /// @dev In the order of the owners' addresses, as a Safe demands.
    function _ownersSign(bytes32 digest) internal pure returns (bytes memory) {
        (uint256 one, uint256 two) =
            vm.addr(FIRST_OWNER) < vm.addr(SECOND_OWNER) ? (FIRST_OWNER, SECOND_OWNER) : (SECOND_OWNER, FIRST_OWNER);
        return bytes.concat(_keySigns(one, digest), _keySigns(two, digest));
    }

    /// @param operation 0 calls, 1 delegates
    function _execute(address target, bytes memory data, uint8 operation) private {
        ISafe safe = ISafe(wallet);
        bytes32 hash =
            safe.getTransactionHash(target, 0, data, operation, 0, 0, 0, address(0), address(0), safe.nonce());
        bytes memory signatures = _ownersSign(hash);
        vm.prank(anyone);
        safe.execTransaction(target, 0, data, operation, 0, 0, 0, address(0), payable(0), signatures);
    }

    function _initializer() private view returns (bytes memory) {
        address[] memory owners = new address[](2);
        (owners[0], owners[1]) = (vm.addr(FIRST_OWNER), vm.addr(SECOND_OWNER));
        return abi.encodeCall(ISafe.setup, (owners, 2, address(0), "", handler, address(0), 0, payable(0)));
    }

    function _safeDomain() private view returns (bytes32) {
        return keccak256(abi.encode(SAFE_DOMAIN_TYPEHASH, block.chainid, _addressOfSafe()));
    }

    function _safePart(string memory path) private returns (address) {
        return _create(_bytecode(vm.readFile(string.concat(ARTIFACTS, path))));
    }
}
