// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {ISplitter} from "./ISplitter.sol";
import {Usdc} from "./Usdc.t.sol";
import {Vm, vm} from "./Vm.sol";

/// @title The world of every test: USDC, the splitter with its roles, a payer, a creator and an agent with wallets
/// @dev The numbers in the tests' comments are the laws of docs/invariants.md.
abstract contract Base is Usdc {
    /// @dev What the laws speak of: who has how much.
    struct Books {
        uint256 payer;
        uint256 creator;
        uint256 agent;
        uint256 treasury;
        uint256 splitter;
        uint256 vault;
        uint256 totalHeld;
    }

    /// @dev A call ready to be sent, signed where the rail signs.
    struct Call {
        address sender;
        bytes data;
    }

    uint256 internal constant PAYER_KEY = 0xA11CE;
    uint256 internal constant CREATOR_KEY = 0xC0FFEE;
    uint256 internal constant AGENT_KEY = 0xA6E27;
    uint256 internal constant OTHER_KEY = 0x07BE2;

    bytes32 internal constant CREATOR = bytes32(uint256(0xC));
    bytes32 internal constant AGENT = bytes32(uint256(0xA));
    /// @dev Accounts that never registered a wallet.
    bytes32 internal constant NOBODY = bytes32(uint256(0xB0));
    bytes32 internal constant NO_AGENT = bytes32(uint256(0xB1));
    bytes32 internal constant REF = bytes32(uint256(0xE));
    uint256 internal constant AMOUNT = 250_000;
    uint64 internal constant MIN_TIP = 100_000;
    uint256 internal constant FAR = type(uint256).max;

    uint8 internal constant CREATOR_HELD = 1;
    uint8 internal constant PLATFORM_HELD = 2;
    uint8 internal constant AGENT_HELD = 4;

    address internal immutable payer = vm.addr(PAYER_KEY);
    address internal immutable creatorWallet = vm.addr(CREATOR_KEY);
    address internal immutable agentWallet = vm.addr(AGENT_KEY);
    address internal immutable otherWallet = vm.addr(OTHER_KEY);
    address internal constant admin = address(0xAD);
    address internal constant registrar = address(0x4E6);
    address internal constant pauser = address(0x9A5);
    address internal constant auditor = address(0xA0D);
    address internal constant treasury = address(0x74EA);
    /// @dev Whoever submits what others signed. Has no role.
    address internal constant anyone = address(0xA2);

    ISplitter internal splitter;
    bytes32 internal PLATFORM;

    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant CONSENT_TYPEHASH =
        keccak256("WalletConsent(bytes32 accountId,address wallet,uint256 nonce,uint256 deadline)");
    bytes32 internal constant ROTATION_TYPEHASH = keccak256(
        "WalletRotation(bytes32 accountId,address oldWallet,address newWallet,uint256 nonce,uint256 deadline)"
    );

    uint256 private _salts;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        _installUsdc();
        splitter = _deploySplitter(usdc.DOMAIN_SEPARATOR(), treasury, MIN_TIP);
        PLATFORM = splitter.PLATFORM_ID();
        bytes32[3] memory roles = [splitter.REGISTRAR_ROLE(), splitter.PAUSER_ROLE(), splitter.AUDITOR_ROLE()];
        address[3] memory holders = [registrar, pauser, auditor];
        for (uint256 i = 0; i < roles.length; ++i) {
            vm.prank(admin);
            splitter.grantRole(roles[i], holders[i]);
        }
        _register(CREATOR, CREATOR_KEY);
        _register(AGENT, AGENT_KEY);
        _mint(payer, 1_000_000_000);
        vm.label(payer, "payer");
        vm.label(creatorWallet, "creatorWallet");
        vm.label(agentWallet, "agentWallet");
        vm.label(treasury, "treasury");
        vm.label(address(splitter), "splitter");
    }

    // -------------------------------------------------------------------------------------------------- the splitter

    /// @dev The release build: what is tested is what is deployed.
    function _deploySplitter(bytes32 domain, address firstTreasury, uint64 minTip) internal returns (ISplitter) {
        bytes memory arguments = abi.encode(usdc, domain, admin, uint48(0), firstTreasury, minTip);
        bytes memory code = _code("TipSplitter");
        return ISplitter(_create(abi.encodePacked(code, arguments)));
    }

    /// @dev `MOLT_ARTIFACTS` names another folder when a mutant of the contracts is on trial (scripts/mutation).
    function _code(string memory name) internal view returns (bytes memory) {
        string memory folder = vm.envOr("MOLT_ARTIFACTS", string("out/release"));
        return vm.getCode(string.concat(folder, "/", name, ".sol/", name, ".json"));
    }

    function _register(bytes32 accountId, uint256 key) internal {
        bytes memory consent = _signConsent(key, accountId, vm.addr(key), splitter.consentNonce(accountId), FAR);
        vm.prank(registrar);
        splitter.register(accountId, vm.addr(key), FAR, consent);
    }

    function _signConsent(uint256 key, bytes32 accountId, address wallet, uint256 nonce, uint256 deadline)
        internal
        view
        returns (bytes memory)
    {
        return
            _sign(key, _splitterDomain(), keccak256(abi.encode(CONSENT_TYPEHASH, accountId, wallet, nonce, deadline)));
    }

    function _signRotation(uint256 key, bytes32 accountId, address newWallet, uint256 nonce, uint256 deadline)
        internal
        view
        returns (bytes memory)
    {
        (address oldWallet,) = splitter.walletOf(accountId);
        bytes32 message = keccak256(abi.encode(ROTATION_TYPEHASH, accountId, oldWallet, newWallet, nonce, deadline));
        return _sign(key, _splitterDomain(), message);
    }

    function _splitterDomain() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Molt Studios"), keccak256("1"), 84532, splitter));
    }

    // ------------------------------------------------------------------------------------------------------ the rails

    /// @dev A tip of `AMOUNT` by the payer, signed and approved as the rail demands, not yet sent.
    function _prepare(ITipSplitter.Rail rail) internal returns (Call memory) {
        return _prepare(rail, CREATOR, AGENT, AMOUNT);
    }

    function _prepare(ITipSplitter.Rail rail, bytes32 creatorId, bytes32 agentId, uint256 amount)
        internal
        returns (Call memory)
    {
        if (rail == ITipSplitter.Rail.Approve) return _prepareTip(creatorId, agentId, amount);
        if (rail == ITipSplitter.Rail.Permit) return _preparePermit(creatorId, agentId, amount);
        if (rail == ITipSplitter.Rail.Authorization) return _prepareAuthorization(creatorId, agentId, amount);
        if (rail == ITipSplitter.Rail.X402) return _prepareX402(creatorId, agentId, amount);
        _pay(_vaultOf(creatorId, agentId), amount);
        return Call(anyone, abi.encodeCall(splitter.flush, (creatorId, agentId, REF)));
    }

    function _prepareTip(bytes32 creatorId, bytes32 agentId, uint256 amount) internal returns (Call memory) {
        vm.prank(payer);
        usdc.approve(address(splitter), amount);
        return Call(payer, abi.encodeCall(splitter.tip, (creatorId, agentId, amount, REF)));
    }

    function _preparePermit(bytes32 creatorId, bytes32 agentId, uint256 amount) internal view returns (Call memory) {
        bytes memory signature = _signPermit(PAYER_KEY, address(splitter), amount, FAR);
        return Call(payer, abi.encodeCall(splitter.tipWithPermit, (creatorId, agentId, amount, REF, FAR, signature)));
    }

    function _prepareAuthorization(bytes32 creatorId, bytes32 agentId, uint256 amount) internal returns (Call memory) {
        bytes32 salt = _salt();
        bytes32 nonce = splitter.termsNonce(creatorId, agentId, REF, salt);
        bytes memory signature = _signReceive(PAYER_KEY, Authorization(payer, address(splitter), amount, 0, FAR, nonce));
        return Call(
            anyone,
            abi.encodeCall(
                splitter.tipWithAuthorization, (payer, creatorId, agentId, amount, REF, salt, 0, FAR, signature)
            )
        );
    }

    function _prepareX402(bytes32 creatorId, bytes32 agentId, uint256 amount) internal returns (Call memory) {
        Authorization memory a = Authorization(payer, _vaultOf(creatorId, agentId), amount, 0, FAR, _salt());
        return _x402Call(creatorId, agentId, a, _signTransfer(PAYER_KEY, a));
    }

    function _x402Call(bytes32 creatorId, bytes32 agentId, Authorization memory a, bytes memory signature)
        internal
        view
        returns (Call memory)
    {
        return Call(
            anyone,
            abi.encodeCall(
                splitter.tipX402,
                (a.from, creatorId, agentId, REF, a.value, a.validAfter, a.validBefore, a.nonce, signature)
            )
        );
    }

    /// @dev A plain transfer by the payer.
    function _pay(address to, uint256 amount) internal {
        vm.prank(payer);
        usdc.transfer(to, amount);
    }

    /// @dev CREATE2 of the vault's code and its three ids, computed apart from the contract; also for reserved accounts.
    function _vaultOf(bytes32 creatorId, bytes32 agentId) internal view returns (address) {
        bytes32 salt = keccak256(abi.encode(creatorId, agentId, REF));
        bytes memory code = abi.encodePacked(_code("TipVault"), abi.encode(usdc));
        bytes32 hash = keccak256(abi.encodePacked(hex"ff", splitter, salt, keccak256(code)));
        return address(uint160(uint256(hash)));
    }

    function _salt() internal returns (bytes32) {
        return keccak256(abi.encode("salt", ++_salts));
    }

    // ---------------------------------------------------------------------------------------------------- what happens

    function _tip(ITipSplitter.Rail rail) internal {
        _send(_prepare(rail));
    }

    function _tip(bytes32 creatorId, bytes32 agentId) internal {
        _send(_prepareTip(creatorId, agentId, AMOUNT));
    }

    /// @dev Passes on why it failed.
    function _send(Call memory c) internal returns (bytes memory answer) {
        bool ok;
        (ok, answer) = _try(c);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    function _try(Call memory c) internal returns (bool ok, bytes memory answer) {
        vm.prank(c.sender);
        return address(splitter).call(c.data);
    }

    /// @dev Law 3: it fails for exactly this reason and changes nothing.
    function _assertReverts(Call memory c, bytes memory reason) internal {
        Books memory before = _books();
        (bool ok, bytes memory answer) = _try(c);
        vm.assertFalse(ok, "succeeded");
        vm.assertEq(answer, reason, "failed for another reason");
        _assertSame(before, _books());
    }

    /// @dev With the string that USDC gives: FiatTokenV2_2's memory leaves dirt behind it, so only what it says is compared.
    function _assertUsdcRefuses(Call memory c, string memory reason) internal {
        Books memory before = _books();
        (bool ok, bytes memory answer) = _try(c);
        vm.assertFalse(ok, "succeeded");
        vm.assertEq(keccak256(bytes(_reasonIn(answer))), keccak256(bytes(reason)), _reasonIn(answer));
        _assertSame(before, _books());
    }

    function _reasonIn(bytes memory answer) internal pure returns (string memory) {
        if (answer.length < 68 || bytes4(answer) != 0x08c379a0) return "no reason";
        bytes memory arguments = new bytes(answer.length - 4);
        for (uint256 i = 0; i < arguments.length; ++i) {
            arguments[i] = answer[i + 4];
        }
        return abi.decode(arguments, (string));
    }

    function _books() internal view returns (Books memory) {
        return Books({
            payer: usdc.balanceOf(payer),
            creator: usdc.balanceOf(creatorWallet),
            agent: usdc.balanceOf(agentWallet),
            treasury: usdc.balanceOf(treasury),
            splitter: usdc.balanceOf(address(splitter)),
            vault: usdc.balanceOf(splitter.vaultOf(CREATOR, AGENT, REF)),
            totalHeld: splitter.totalHeld()
        });
    }

    function _assertSame(Books memory before, Books memory later) internal pure {
        vm.assertEq(keccak256(abi.encode(before)), keccak256(abi.encode(later)), "somebody's balance changed");
    }

    /// @dev Laws 1 and 2: `amount` left the payer, each share is with its recipient or held, and nobody else has a unit of it.
    function _assertTipped(Books memory before, uint256 amount, uint8 heldMask) internal view {
        (uint256 creatorShare, uint256 platformShare, uint256 agentShare) = _shares(amount);
        uint256 held;
        if (heldMask & CREATOR_HELD != 0) (held, creatorShare) = (held + creatorShare, 0);
        if (heldMask & PLATFORM_HELD != 0) (held, platformShare) = (held + platformShare, 0);
        if (heldMask & AGENT_HELD != 0) (held, agentShare) = (held + agentShare, 0);
        Books memory later = _books();
        vm.assertEq(before.payer - later.payer, amount, "payer");
        vm.assertEq(later.creator - before.creator, creatorShare, "creator");
        vm.assertEq(later.agent - before.agent, agentShare, "agent");
        vm.assertEq(later.treasury - before.treasury, platformShare, "platform");
        vm.assertEq(later.splitter - before.splitter, held, "splitter");
        vm.assertEq(later.totalHeld - before.totalHeld, held, "totalHeld");
        vm.assertEq(later.vault, 0, "vault");
    }

    /// @dev The rule in words of its own, not the contract's: quotient and rest of a hundred.
    function _shares(uint256 amount) internal pure returns (uint256 creator, uint256 platform, uint256 agent) {
        (uint256 hundreds, uint256 rest) = (amount / 100, amount % 100);
        agent = hundreds;
        platform = 19 * hundreds + (19 * rest) / 100;
        creator = amount - agent - platform;
    }

    function _expiry() internal view returns (uint64) {
        return uint64(block.timestamp) + 30 days;
    }

    function _one(uint64 expiry) internal pure returns (uint64[] memory expiries) {
        expiries = new uint64[](1);
        expiries[0] = expiry;
    }

    /// @dev The only log with this topic since `recordLogs`.
    function _theLog(bytes32 topic) internal returns (Vm.Log memory found) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 count;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(splitter) && logs[i].topics[0] == topic) {
                (found, count) = (logs[i], count + 1);
            }
        }
        vm.assertEq(count, 1, "logs of this kind");
    }
}
