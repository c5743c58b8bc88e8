// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {IFiatToken} from "./IFiatToken.sol";
import {Model} from "./Model.t.sol";
import {vm} from "./Vm.sol";

/// @dev The machine runs the model's actions in any order; after each one the laws must hold.
contract InvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    IFiatToken private constant usdc = IFiatToken(0x036CbD53842c5426634e7929541eC2318f3dCF7e);

    Model private model;
    ITipSplitter private splitter;

    function setUp() public {
        model = new Model();
        model.setUp();
        splitter = model.theSplitter();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(model);
    }

    /// @dev Money moves in half of all steps: what comes twice is chosen twice as often.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[26] memory actions = [
            model.tip.selector,
            model.tip.selector,
            model.tip.selector,
            model.tip.selector,
            model.tip.selector,
            model.tipWithLittleGas.selector,
            model.tipWithLittleGas.selector,
            model.frontRun.selector,
            model.frontRunPermit.selector,
            model.cancel.selector,
            model.claim.selector,
            model.sweep.selector,
            model.stray.selector,
            model.rescue.selector,
            model.wait.selector,
            model.waitForAnExpiry.selector,
            model.toggleBlacklist.selector,
            model.pardonAll.selector,
            model.toggleUsdcPause.selector,
            model.toggleNosyUsdc.selector,
            model.togglePause.selector,
            model.changeTreasury.selector,
            model.changeWallet.selector,
            model.confirm.selector,
            model.veto.selector,
            model.overrideVeto.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(model), new bytes4[](actions.length + 2));
        for (uint256 i = 0; i < actions.length; ++i) {
            targets[0].selectors[i] = actions[i];
        }
        targets[0].selectors[actions.length] = model.revoke.selector;
        targets[0].selectors[actions.length + 1] = model.toggleFreeze.selector;
    }

    // 4
    function invariant_whatIsHeldIsHere() external view {
        uint256 sum;
        for (uint256 i = 0; i < 5; ++i) {
            for (uint256 k = 0; k < model.expiryCount(); ++k) {
                sum += splitter.held(model.accounts(i), model.expiries(k));
            }
        }
        vm.assertEq(splitter.totalHeld(), sum, "total");
        vm.assertGe(usdc.balanceOf(address(splitter)), sum, "backed");
    }

    // 5, 6, 10
    function invariant_everyBucketIsWhatTheModelSays() external view {
        for (uint256 i = 0; i < 5; ++i) {
            bytes32 accountId = model.accounts(i);
            for (uint256 k = 0; k < model.expiryCount(); ++k) {
                uint64 expiry = model.expiries(k);
                vm.assertEq(splitter.held(accountId, expiry), model.bucket(accountId, expiry), "bucket");
            }
        }
    }

    // 1, 2, 7, 8: and nobody else has any, since these are all there are
    function invariant_everyUnitIsWhereTheModelSays() external view {
        uint256 sum;
        for (uint256 i = 0; i < model.partyCount(); ++i) {
            address party = model.parties(i);
            vm.assertEq(usdc.balanceOf(party), model.balance(party), "balance");
            sum += usdc.balanceOf(party);
        }
        vm.assertEq(usdc.totalSupply(), sum, "somebody else has USDC");
    }

    // 3, 9, 11, 12, 14: whatever must work works, whatever must fail fails
    function invariant_nothingSurprises() external view {
        vm.assertEq(bytes(model.surprise()), "", "surprise");
        vm.assertEq(model.nosy().entered(), 0, "USDC called back, and was let in");
    }

    // 13
    function invariant_theLogsAreTheStorage() external view {
        model.assertRebuiltFromLogs();
    }

    /// @dev The model is no proof if its actions do nothing.
    function test_theModelReachesEverything() external {
        for (uint256 i = 0; i < 25; ++i) {
            model.tip(i, i / 5, i / 5 + 1, i * 1_001);
        }
        model.frontRun(0, 1, 5, true);
        model.frontRun(0, 2, 5, false);
        model.cancel(0, 2);
        model.changeWallet(2, 2, false);
        model.claim(2);
        model.changeWallet(0, 2, false);
        model.waitForAnExpiry(0, true);
        model.confirm(0);
        model.waitForAnExpiry(0, false);
        model.sweep(3);
        model.stray(0, 5);
        model.rescue(1);
        model.changeWallet(0, 3, false);
        model.veto(0);
        model.overrideVeto(0, true);
        model.overrideVeto(0, false);
        model.changeWallet(0, 2, true);
        model.revoke(0, 0);
        model.frontRunPermit(0, 1, 5);
        model.toggleNosyUsdc(0, 3);
        model.tip(0, 0, 1, 5);
        model.tip(3, 0, 1, 5);
        vm.assertGe(model.nosy().tried(), 2, "callbacks");
        model.toggleFreeze(0);
        string[14] memory actions = [
            "tip",
            "front-run",
            "front-run permit",
            "override",
            "freeze",
            "cancelled",
            "register",
            "claim",
            "rotate",
            "confirm",
            "sweep",
            "rescue",
            "veto",
            "revoke"
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            vm.assertGe(model.done(actions[i]), 1, actions[i]);
        }
        this.invariant_whatIsHeldIsHere();
        this.invariant_everyBucketIsWhatTheModelSays();
        this.invariant_everyUnitIsWhereTheModelSays();
        this.invariant_nothingSurprises();
        this.invariant_theLogsAreTheStorage();
    }
}
