// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Vm.sol";

/// @dev What Circle might one day upgrade USDC to. Every transfer does what it was told to before it answers.
contract HostileUsdc {
    enum Mood {
        Honest, // moves the money and calls back in between
        Refusing, // answers false
        Silent, // answers nothing
        Lying, // answers 2, which is no truth value
        Burning, // takes all the gas
        Bluffing, // reverts, with the word for true
        Fading, // moves the money twice, then answers a byte less than a word, when the memory still has the last answer
        Absent, // takes an authorization and moves nothing
        Fickle, // refuses once, then moves the money
        Complaining, // takes authorizations, and says why it transfers nothing
        Mumbling, // answers a byte less than a word when asked for a balance
        Evading // reverts, with an amount, when asked for a balance
    }

    Mood public mood;
    address public target;
    bytes public callback;
    bool public calledBack;
    uint256 public moves;
    bool public blacklisting;
    bytes public answer;
    mapping(address => uint256) private balances;

    function plan(Mood mood_, bool blacklisting_, address target_, bytes calldata callback_) external {
        (mood, blacklisting, target, callback) = (mood_, blacklisting_, target_, callback_);
        (calledBack, moves) = (false, 0);
    }

    function give(address to, uint256 amount) external {
        balances[to] += amount;
    }

    /// @dev A transfer of which nobody hears.
    function hand(address from, address to, uint256 amount) external {
        balances[from] -= amount;
        balances[to] += amount;
    }

    function balanceOf(address account) external view returns (uint256) {
        if (mood == Mood.Mumbling) {
            assembly ("memory-safe") {
                mstore(0, 250000)
                return(0, 31)
            }
        }
        if (mood == Mood.Evading) {
            assembly ("memory-safe") {
                mstore(0, 250000)
                revert(0, 32)
            }
        }
        return balances[account];
    }

    function isBlacklisted(address) external view returns (bool) {
        return blacklisting;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        require(mood != Mood.Complaining, "not to you");
        if (mood == Mood.Fickle && ++moves == 1) return false;
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        require(mood != Mood.Complaining, "not to you");
        if (mood == Mood.Fickle && ++moves == 1) return false;
        _move(from, to, amount);
        return true;
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 amount,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _move(from, to, amount);
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 amount,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        if (mood != Mood.Absent) _move(from, to, amount);
    }

    function permit(address, address, uint256, uint256, bytes calldata) external {
        _callBack();
    }

    function _move(address from, address to, uint256 amount) private {
        if (mood == Mood.Burning) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (mood == Mood.Silent) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        if (mood == Mood.Fading && ++moves > 2) {
            assembly ("memory-safe") {
                mstore(0, 0)
                return(0, 31)
            }
        }
        if (mood == Mood.Bluffing) {
            assembly ("memory-safe") {
                mstore(0, 1)
                revert(0, 32)
            }
        }
        if (mood == Mood.Refusing || mood == Mood.Lying) {
            uint256 said = mood == Mood.Lying ? 2 : 0;
            assembly ("memory-safe") {
                mstore(0, said)
                return(0, 32)
            }
        }
        balances[from] -= amount;
        balances[to] += amount;
        _callBack();
    }

    function _callBack() private {
        if (target == address(0)) return;
        calledBack = true;
        (, answer) = target.call(callback);
    }
}

contract HostileTokenTest is Base {
    HostileUsdc private constant hostile = HostileUsdc(0x036CbD53842c5426634e7929541eC2318f3dCF7e);
    uint64 private expiry;

    function setUp() public override {
        super.setUp();
        expiry = _expiry();
        // In the proxy's place; its slots are the hostile token's from now on.
        vm.etch(address(usdc), address(new HostileUsdc()).code);
        for (uint256 slot = 0; slot < 8; ++slot) {
            vm.store(address(usdc), bytes32(slot), 0);
        }
        hostile.give(payer, 100_000_000);
        _send(_rail(0, NOBODY));
    }

    // 3, 4, 5: no door that moves money opens from within a call of the token
    function test_reverts_whenTheTokenReenters() public {
        bytes[10] memory doors = [
            abi.encodeCall(splitter.tip, (CREATOR, AGENT, AMOUNT, REF)),
            abi.encodeCall(splitter.tipWithPermit, (CREATOR, AGENT, AMOUNT, REF, FAR, bytes(""))),
            abi.encodeCall(splitter.tipWithAuthorization, (payer, CREATOR, AGENT, AMOUNT, REF, REF, 0, FAR, "")),
            abi.encodeCall(splitter.tipX402, (payer, CREATOR, AGENT, REF, AMOUNT, 0, FAR, REF, "")),
            abi.encodeCall(splitter.flush, (CREATOR, AGENT, REF)),
            abi.encodeCall(splitter.claim, (NOBODY, _one(expiry))),
            abi.encodeCall(splitter.sweep, (NOBODY, _one(expiry))),
            abi.encodeCall(splitter.deployVaults, (new ITipSplitter.VaultTerms[](0))),
            abi.encodeCall(splitter.rescue, (address(usdc), 0)),
            abi.encodeCall(splitter.rescue, (address(this), 0))
        ];
        bytes memory guarded = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        for (uint256 rail = 0; rail < 5; ++rail) {
            for (uint256 i = 0; i < doors.length; ++i) {
                hostile.plan(HostileUsdc.Mood.Honest, false, address(splitter), doors[i]);
                Books memory before = _books();
                _send(_rail(rail, CREATOR));
                vm.assertTrue(hostile.calledBack(), "the token did not call back");
                vm.assertEq(hostile.answer(), guarded, "the door opened");
                _assertTipped(before, AMOUNT, 0);
            }
        }
        vm.assertEq(splitter.held(NOBODY, expiry), 200_000, "bucket");
    }

    // 4, 5: claims and sweeps guard the same doors
    function test_reverts_whenTheTokenReentersAClaimOrASweep() public {
        _register(NOBODY, OTHER_KEY);
        bytes memory claim = abi.encodeCall(splitter.claim, (NOBODY, _one(expiry)));
        bytes memory sweep = abi.encodeCall(splitter.sweep, (NOBODY, _one(expiry)));
        bytes memory guarded = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        uint256 snapshot = vm.snapshotState();
        hostile.plan(HostileUsdc.Mood.Honest, false, address(splitter), claim);
        _send(Call(anyone, claim));
        vm.assertEq(hostile.answer(), guarded, "claim in claim");
        vm.assertEq(hostile.balanceOf(otherWallet), 200_000, "paid once");
        vm.revertToState(snapshot);
        vm.warp(expiry);
        hostile.plan(HostileUsdc.Mood.Honest, false, address(splitter), sweep);
        _send(Call(anyone, sweep));
        vm.assertEq(hostile.answer(), guarded, "sweep in sweep");
        vm.assertEq(splitter.totalHeld(), 0, "once");
    }

    // 3, 12: neither false, nor silence, nor nonsense, nor all the gas counts as a transfer, or as a reason to hold
    function test_reverts_whenTheTokenDoesNotAnswerTrue() public {
        for (uint8 mood = 1; mood < 7; ++mood) {
            for (uint256 rail = 0; rail < 5; ++rail) {
                if (rail == 4) hostile.give(splitter.vaultOf(CREATOR, AGENT, REF), AMOUNT);
                hostile.plan(HostileUsdc.Mood(mood), false, address(0), "");
                Books memory before = _books();
                vm.prank(payer);
                (bool ok,) = address(splitter).call{gas: 2_000_000}(_railData(rail, CREATOR));
                vm.assertFalse(ok, "tipped");
                _assertSame(before, _books());
            }
        }
    }

    // 3, 4: a token that refuses everybody, and says that all are blacklisted, cannot make us owe what never came
    function test_reverts_whenTheHeldShareDoesNotArrive() public {
        for (uint8 mood = 1; mood < 7; ++mood) {
            for (uint256 rail = 0; rail < 5; ++rail) {
                // A share that is here already (rail 2) has arrived, as far as the token can be asked.
                if (rail == 2) continue;
                hostile.plan(HostileUsdc.Mood(mood), true, address(0), "");
                Books memory before = _books();
                vm.prank(payer);
                (bool ok,) = address(splitter).call{gas: 2_000_000}(_railData(rail, CREATOR));
                vm.assertFalse(ok, "tipped");
                _assertSame(before, _books());
            }
        }
    }

    // 3, 11: an authorization that was taken for nothing is no tip
    function test_reverts_whenTheTokenTakesAnAuthorizationForNothing() public {
        address vault = splitter.vaultOf(CREATOR, AGENT, REF);
        hostile.give(vault, 99);
        hostile.plan(HostileUsdc.Mood.Absent, false, address(0), "");
        _assertReverts(
            Call(payer, _railData(3, CREATOR)),
            abi.encodeWithSelector(ITipSplitter.VaultBelowMinimum.selector, vault, 99, 100)
        );
    }

    // 1, 3, 12: a transfer that succeeds when it is asked again is a failed one all the same, or the payer would pay twice
    function test_reverts_whenTheTokenChangesItsMind() public {
        for (uint256 rail = 0; rail < 5; ++rail) {
            if (rail == 4) hostile.give(splitter.vaultOf(CREATOR, AGENT, REF), AMOUNT);
            hostile.plan(HostileUsdc.Mood.Fickle, false, address(0), "");
            _assertReverts(
                Call(payer, _railData(rail, CREATOR)),
                abi.encodeWithSelector(ITipSplitter.TransferFailed.selector, creatorWallet, 200_000)
            );
        }
    }

    // 3, 4: what nobody answered is no balance
    function test_reverts_whenTheTokenDoesNotSayABalance() public {
        hostile.give(splitter.vaultOf(CREATOR, AGENT, REF), AMOUNT);
        for (uint8 mood = uint8(HostileUsdc.Mood.Mumbling); mood <= uint8(HostileUsdc.Mood.Evading); ++mood) {
            for (uint256 rail = 3; rail < 5; ++rail) {
                hostile.plan(HostileUsdc.Mood(mood), false, address(0), "");
                (bool ok, bytes memory answer) = _try(Call(payer, _railData(rail, CREATOR)));
                vm.assertFalse(ok, "tipped");
                vm.assertEq(answer, "", "failed later");
            }
        }
    }

    // 1, 3: a vault that ran out of gas has paid nobody, whatever was in memory (ids whose last bits say that all is paid)
    function test_reverts_whenTheVaultRunsOutOfGas() public {
        (bytes32 creatorId, bytes32 agentId) = (bytes32(uint256(0x20)), bytes32(uint256(0x10)));
        _register(creatorId, CREATOR_KEY);
        _register(agentId, AGENT_KEY);
        hostile.give(splitter.vaultOf(creatorId, agentId, REF), AMOUNT);
        hostile.plan(HostileUsdc.Mood.Burning, false, address(0), "");
        (bool ok, bytes memory answer) =
            address(splitter).call{gas: 10_000_000}(abi.encodeCall(splitter.flush, (creatorId, agentId, REF)));
        vm.assertFalse(ok, "flushed");
        vm.assertEq(answer, "", "failed later");
    }

    // 1, 7: a token that would take money for nobody is not asked to
    function test_neverPaysNobody() public {
        for (uint256 rail = 1; rail < 5; ++rail) {
            vm.warp(block.timestamp + 1);
            _send(_rail(rail, NOBODY));
            vm.assertEq(splitter.held(NOBODY, _expiry()), 200_000, "held");
        }
        vm.assertEq(hostile.balanceOf(address(0)), 0, "nobody");
    }

    // 3: what the token says reaches the caller, unless a vault stands between
    function test_reverts_withTheTokensOwnReason() public {
        for (uint256 rail = 0; rail < 3; ++rail) {
            hostile.plan(HostileUsdc.Mood.Complaining, false, address(0), "");
            _assertUsdcRefuses(Call(payer, _railData(rail, CREATOR)), "not to you");
        }
    }

    // 3, 5: a bucket stays until the token pays
    function test_reverts_whenTheTokenDoesNotPayAClaimOrASweep() public {
        _register(NOBODY, OTHER_KEY);
        for (uint8 mood = 1; mood < 6; ++mood) {
            hostile.plan(HostileUsdc.Mood(mood), false, address(0), "");
            _assertRefused(abi.encodeCall(splitter.claim, (NOBODY, _one(expiry))));
        }
        vm.warp(expiry);
        for (uint8 mood = 1; mood < 6; ++mood) {
            hostile.plan(HostileUsdc.Mood(mood), false, address(0), "");
            _assertRefused(abi.encodeCall(splitter.sweep, (NOBODY, _one(expiry))));
        }
    }

    function _assertRefused(bytes memory data) private {
        (bool ok,) = address(splitter).call{gas: 2_000_000}(data);
        vm.assertFalse(ok, "paid");
        vm.assertEq(splitter.held(NOBODY, expiry), 200_000, "bucket");
        vm.assertEq(splitter.totalHeld(), 200_000, "total");
    }

    function _rail(uint256 rail, bytes32 creatorId) private returns (Call memory) {
        if (rail == 4) hostile.hand(payer, splitter.vaultOf(creatorId, AGENT, REF), AMOUNT);
        return Call(payer, _railData(rail, creatorId));
    }

    function _railData(uint256 rail, bytes32 creatorId) private view returns (bytes memory) {
        if (rail == 0) return abi.encodeCall(splitter.tip, (creatorId, AGENT, AMOUNT, REF));
        if (rail == 1) return abi.encodeCall(splitter.tipWithPermit, (creatorId, AGENT, AMOUNT, REF, FAR, bytes("")));
        if (rail == 2) {
            return
                abi.encodeCall(splitter.tipWithAuthorization, (payer, creatorId, AGENT, AMOUNT, REF, REF, 0, FAR, ""));
        }
        if (rail == 3) {
            return abi.encodeCall(splitter.tipX402, (payer, creatorId, AGENT, REF, AMOUNT, 0, FAR, REF, ""));
        }
        return abi.encodeCall(splitter.flush, (creatorId, AGENT, REF));
    }
}
