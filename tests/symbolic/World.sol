// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ISplitter} from "../contracts/ISplitter.sol";
import {vm} from "../contracts/Vm.sol";
import {ModelUsdc} from "./ModelUsdc.sol";
import {svm} from "./Svm.sol";

/// @title The release bytecode in any state at any time
/// @dev The constructor runs as it is; then every slot of splitter and token becomes a variable. What a check does not assume,
/// the solver chooses.
abstract contract World {
    ISplitter internal splitter;
    ModelUsdc internal usdc;

    bytes32 internal constant ADMIN = 0;
    bytes32 internal constant REGISTRAR = keccak256("REGISTRAR_ROLE");
    bytes32 internal constant PAUSER = keccak256("PAUSER_ROLE");
    bytes32 internal constant AUDITOR = keccak256("AUDITOR_ROLE");
    bytes32 internal constant PLATFORM = keccak256("molt.studios.platform");

    function setUp() public virtual {
        vm.chainId(84532);
        vm.warp(1_800_000_000);
        usdc = new ModelUsdc();
        bytes memory arguments =
            abi.encode(usdc, usdc.DOMAIN_SEPARATOR(), address(0xAD), uint48(0), address(0x74EA), uint64(100_000));
        splitter =
            ISplitter(_create(abi.encodePacked(vm.getCode("out/release/TipSplitter.sol/TipSplitter.json"), arguments)));
        _learnConstantSlots();
        svm.enableSymbolicStorage(address(splitter));
        svm.enableSymbolicStorage(address(usdc));
        _forgetTheConstructor();
        vm.warp(svm.createUint(64, "now"));
    }

    /// @dev halmos leaves alone what the constructor wrote; so these slots are made variables one by one.
    function _forgetTheConstructor() private {
        uint256[6] memory slots = [uint256(3), 4, 5, 9, 10, 11]; // `forge inspect TipSplitter storage-layout`
        for (uint256 i = 0; i < slots.length; ++i) {
            vm.store(address(splitter), bytes32(slots[i]), svm.createBytes32("slot"));
        }
        bytes32 firstAdmin = keccak256(abi.encode(address(0xAD), keccak256(abi.encode(ADMIN, 2))));
        vm.store(address(splitter), firstAdmin, svm.createBytes32("firstAdmin"));
    }

    /// @dev The compiler may have computed the slots of constant keys; halmos recognises one only after it has seen it hashed.
    function _learnConstantSlots() private pure returns (bytes32 seen) {
        bytes32[4] memory roles = [ADMIN, REGISTRAR, PAUSER, AUDITOR];
        for (uint256 i = 0; i < roles.length; ++i) {
            seen ^= keccak256(abi.encode(roles[i], 2));
        }
        seen ^= keccak256(abi.encode(PLATFORM, 7)) ^ keccak256(abi.encode(PLATFORM, 12));
    }

    function _create(bytes memory creationCode) private returns (address created) {
        assembly ("memory-safe") {
            created := create(0, add(creationCode, 0x20), mload(creationCode))
        }
        require(created != address(0), "the constructor reverted");
    }

    function _call(address caller, bytes memory data) internal returns (bool ok) {
        vm.prank(caller);
        (ok,) = address(splitter).call(data);
    }
}
