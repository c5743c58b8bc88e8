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
    function hasRole(bytes32 role, address holder) external view returns (bool);
}

/// @title Deploys the splitter on Base, on Base Sepolia, or on a local chain that has Base Sepolia's id
/// @notice `python -m deploy.splitter` runs it and writes contracts/deployments/<chainId>.json. From the environment:
/// TREASURY and ADMIN (needed), ADMIN_DELAY_SECONDS (default: 3 days), MIN_TIP (micro-USDC, default 100000), REGISTRAR, PAUSER,
/// AUDITOR (each: default nobody).
/// @dev The bytecode is the release build's, which is also what the tests ran on. The address follows from it and from the
/// constructor's arguments alone (EIP-1014), so that running the script again finds what an interrupted run left, and does the
/// rest. Roles are granted only when the deployer is the admin; a multisig grants them itself.
contract DeployTipSplitter {
    bool public constant IS_SCRIPT = true;
    /// @notice The deterministic deployment proxy that most chains have at this address: calldata is the salt and the init code.
    address public constant CREATE2_PROXY = 0x4e59b44847b379578588920cA78FbF26c0B4956C;
    bytes32 public constant SALT = 0;

    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant BASE = 8453;
    uint256 private constant BASE_SEPOLIA = 84532;
    uint256 private constant SHORTEST_ADMIN_DELAY = 1 days;
    /// @dev What stands at a key's own address may be this long: a delegation (EIP-7702).
    uint256 private constant DELEGATION_BYTES = 23;

    struct Usdc {
        address token;
        string name;
    }

    struct Parts {
        address admin;
        address treasury;
        address registrar;
        address pauser;
        address auditor;
    }

    error UnknownChain(uint256 chainId);
    error NoCreate2Proxy(address expectedAt);
    error Create2Failed(address expectedAt);
    error AdminIsNoMultisig(address admin);
    error AdminDelayTooShort(uint256 given, uint256 shortest);
    error OneKeyForTwoParts(address key);

    /// @return splitter where it stands, or will
    /// @return constructorArguments what block explorers ask for besides the standard JSON input
    function run() external returns (address splitter, bytes memory constructorArguments) {
        Usdc memory usdc = usdcOf(block.chainid);
        Parts memory parts = _parts();
        uint256 delay = vm.envOr("ADMIN_DELAY_SECONDS", uint256(3 days));
        constructorArguments = abi.encode(
            usdc.token,
            domainSeparator(usdc, block.chainid),
            parts.admin,
            delay,
            parts.treasury,
            vm.envOr("MIN_TIP", uint256(100_000))
        );
        vm.startBroadcast();
        (, address deployer,) = vm.readCallers();
        vm.stopBroadcast();
        if (block.chainid == BASE) _demandPrudence(parts, deployer, delay);
        splitter =
            _deploy(abi.encodePacked(vm.getCode("out/release/TipSplitter.sol/TipSplitter.json"), constructorArguments));
        if (deployer != parts.admin) return (splitter, constructorArguments);
        _grant(splitter, "REGISTRAR_ROLE", parts.registrar);
        _grant(splitter, "PAUSER_ROLE", parts.pauser);
        _grant(splitter, "AUDITOR_ROLE", parts.auditor);
    }

    /// @notice USDC and the name it signs under, by chain. The constructor refuses a token that says otherwise.
    function usdcOf(uint256 chainId) public pure returns (Usdc memory) {
        if (chainId == BASE) return Usdc(0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913, "USD Coin");
        if (chainId == BASE_SEPOLIA) return Usdc(0x036CbD53842c5426634e7929541eC2318f3dCF7e, "USDC");
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

    function _parts() private view returns (Parts memory) {
        return Parts(
            vm.envAddress("ADMIN"),
            vm.envAddress("TREASURY"),
            vm.envOr("REGISTRAR", address(0)),
            vm.envOr("PAUSER", address(0)),
            vm.envOr("AUDITOR", address(0))
        );
    }

    /// @dev Where money is real, no single key is the admin, and no key has two powers (docs/security.md).
    function _demandPrudence(Parts memory parts, address deployer, uint256 delay) private view {
        if (parts.admin.code.length <= DELEGATION_BYTES) revert AdminIsNoMultisig(parts.admin);
        if (delay < SHORTEST_ADMIN_DELAY) revert AdminDelayTooShort(delay, SHORTEST_ADMIN_DELAY);
        address[6] memory keys = [deployer, parts.admin, parts.treasury, parts.registrar, parts.pauser, parts.auditor];
        for (uint256 i = 0; i < keys.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                if (keys[i] != address(0) && keys[i] == keys[j]) revert OneKeyForTwoParts(keys[i]);
            }
        }
    }

    function _deploy(bytes memory initCode) private returns (address splitter) {
        bytes32 digest = keccak256(abi.encodePacked(bytes1(0xff), CREATE2_PROXY, SALT, keccak256(initCode)));
        splitter = address(uint160(uint256(digest)));
        if (splitter.code.length != 0) return splitter;
        if (CREATE2_PROXY.code.length == 0) revert NoCreate2Proxy(CREATE2_PROXY);
        _rehearse(initCode);
        vm.startBroadcast();
        (bool ok,) = CREATE2_PROXY.call(abi.encodePacked(SALT, initCode));
        vm.stopBroadcast();
        if (!ok || splitter.code.length == 0) revert Create2Failed(splitter);
    }

    /// @dev The proxy would not say why a constructor refused.
    function _rehearse(bytes memory initCode) private {
        assembly ("memory-safe") {
            if iszero(create(0, add(initCode, 0x20), mload(initCode))) {
                returndatacopy(initCode, 0, returndatasize())
                revert(initCode, returndatasize())
            }
        }
    }

    function _grant(address splitter, string memory name, address holder) private {
        bytes32 role = keccak256(bytes(name));
        if (holder == address(0) || IRoles(splitter).hasRole(role, holder)) return;
        vm.startBroadcast();
        IRoles(splitter).grantRole(role, holder);
        vm.stopBroadcast();
    }
}
