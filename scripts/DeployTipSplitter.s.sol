// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../contracts/src/ITipSplitter.sol"; // its errors have names in what forge says

/// @dev The cheatcodes in use (https://getfoundry.sh/reference/cheatcodes).
interface Vm {
    function getCode(string calldata artifact) external view returns (bytes memory);
    function envAddress(string calldata name) external view returns (address);
    function envOr(string calldata name, address value) external view returns (address);
    function envOr(string calldata name, uint256 value) external view returns (uint256);
    function readCallers() external view returns (uint8 mode, address sender, address origin);
    function startBroadcast() external;
    function stopBroadcast() external;
}

interface IRoles {
    function grantRole(bytes32 role, address holder) external;
}

/// @title Deploys the splitter on Base, on Base Sepolia, or on a local chain that has Base Sepolia's id
/// @notice `python -m deploy.splitter` runs it and writes contracts/deployments/<chainId>.json. From the environment:
/// TREASURY (needed), ADMIN (default: the deployer), ADMIN_DELAY_SECONDS (default: 3 days), MIN_TIP (micro-USDC, default
/// 100000), REGISTRAR, PAUSER, AUDITOR (each: default nobody).
/// @dev The bytecode is the release build's, which is also what the tests ran on. Roles are granted only when the deployer is the
/// admin; a multisig grants them itself.
contract DeployTipSplitter {
    bool public constant IS_SCRIPT = true;

    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    struct Usdc {
        address token;
        string name;
    }

    error UnknownChain(uint256 chainId);
    error RolesNeedTheAdmin(address deployer, address admin);

    function run() external returns (address splitter) {
        vm.startBroadcast();
        (, address deployer,) = vm.readCallers();
        address admin = vm.envOr("ADMIN", deployer);
        splitter = _deploy(admin);
        _grant(splitter, "REGISTRAR_ROLE", vm.envOr("REGISTRAR", address(0)), deployer, admin);
        _grant(splitter, "PAUSER_ROLE", vm.envOr("PAUSER", address(0)), deployer, admin);
        _grant(splitter, "AUDITOR_ROLE", vm.envOr("AUDITOR", address(0)), deployer, admin);
        vm.stopBroadcast();
    }

    /// @notice USDC and the name it signs under, by chain. The constructor refuses a token that says otherwise.
    function usdcOf(uint256 chainId) public pure returns (Usdc memory) {
        if (chainId == 8453) return Usdc(0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913, "USD Coin");
        if (chainId == 84532) return Usdc(0x036CbD53842c5426634e7929541eC2318f3dCF7e, "USDC");
        revert UnknownChain(chainId);
    }

    function domainSeparator(Usdc memory usdc, uint256 chainId) public pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(usdc.name)),
                keccak256("2"),
                chainId,
                usdc.token
            )
        );
    }

    function _deploy(address admin) private returns (address splitter) {
        Usdc memory usdc = usdcOf(block.chainid);
        bytes memory initCode = abi.encodePacked(
            vm.getCode("out/release/TipSplitter.sol/TipSplitter.json"),
            abi.encode(
                usdc.token,
                domainSeparator(usdc, block.chainid),
                admin,
                vm.envOr("ADMIN_DELAY_SECONDS", uint256(3 days)),
                vm.envAddress("TREASURY"),
                vm.envOr("MIN_TIP", uint256(100_000))
            )
        );
        assembly ("memory-safe") {
            splitter := create(0, add(initCode, 0x20), mload(initCode))
            if iszero(splitter) {
                returndatacopy(initCode, 0, returndatasize())
                revert(initCode, returndatasize())
            }
        }
    }

    function _grant(address splitter, string memory role, address holder, address deployer, address admin) private {
        if (holder == address(0)) return;
        if (deployer != admin) revert RolesNeedTheAdmin(deployer, admin);
        IRoles(splitter).grantRole(keccak256(bytes(role)), holder);
    }
}
