// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {IFiatToken} from "./IFiatToken.sol";
import {RotationModel} from "./RotationModel.t.sol";
import {vm} from "./Vm.sol";

/// @dev Announcements, co-signatures, vetoes, overrides, confirmations and revocations race, by everybody and at any time.
contract RotationInvariantsTest {
    IFiatToken private constant usdc = IFiatToken(0x036CbD53842c5426634e7929541eC2318f3dCF7e);

    RotationModel private model;
    ITipSplitter private splitter;

    function setUp() public {
        model = new RotationModel();
        model.setUp();
        splitter = model.theSplitter();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(model);
    }

    function excludeSelectors() external view returns (FuzzSelector[] memory excluded) {
        excluded = new FuzzSelector[](1);
        excluded[0] = FuzzSelector(address(model), new bytes4[](1));
        excluded[0].selectors[0] = model.setUp.selector;
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    // 3, 7: who is whose wallet, and who is announced
    function invariant_everyWalletIsWhatTheModelSays() external view {
        vm.assertEq(bytes(model.surprise()), "", "surprise");
        vm.assertTrue(splitter.registrationFrozen() == model.frozen(), "frozen");
        for (uint256 i = 0; i < 3; ++i) {
            _assertEntry(model.accounts(i));
        }
    }

    // 7: and nobody else is paid
    function invariant_onlyVerifiedWalletsArePaid() external view {
        vm.assertEq(bytes(model.surprise()), "", "surprise");
        for (uint256 i = 0; i < 5; ++i) {
            address wallet = model.walletAt(i);
            vm.assertEq(usdc.balanceOf(wallet), model.paid(wallet), "paid");
        }
    }

    /// @dev The model is no proof if its actions do nothing.
    function test_theModelReachesEverything() external {
        model.presentWallet(2, 2, 9, 1);
        model.presentChange(0, 3, 9, 1, 0);
        model.waitForAChange(0, false, true);
        model.confirm(0, 7);
        model.veto(0, 0);
        model.waitForAChange(0, true, false);
        model.overrideVeto(0, 0);
        model.presentChange(1, 4, 9, 1, 0);
        model.waitForAChange(1, false, false);
        model.confirm(1, 7);
        model.presentChange(1, 0, 9, 1, 1);
        model.presentAgain(3);
        model.revoke(1, 0);
        model.freeze(5);
        model.unfreeze(1);
        model.tip(1, 0);
        model.presentWallet(1, 3, 9, 1);
        model.waitForAChange(1, false, false);
        model.confirm(1, 7);
        model.claim(1);
        string[11] memory actions = [
            "register",
            "announce",
            "co-sign",
            "confirm",
            "veto",
            "override",
            "revoke",
            "freeze",
            "unfreeze",
            "tip",
            "claim"
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            vm.assertGe(model.done(actions[i]), 1, actions[i]);
        }
        this.invariant_everyWalletIsWhatTheModelSays();
        this.invariant_onlyVerifiedWalletsArePaid();
    }

    function _assertEntry(bytes32 accountId) private view {
        (address wallet, bool revoked, address next, uint64 announcedAt, bool vetoed, uint256 consents) =
            model.register(accountId);
        (address actual, ITipSplitter.WalletStatus status) = splitter.walletOf(accountId);
        vm.assertEq(actual, wallet, "wallet");
        vm.assertTrue((status == ITipSplitter.WalletStatus.Revoked) == revoked, "revoked");
        ITipSplitter.Rotation memory rotation = splitter.rotationOf(accountId);
        vm.assertEq(rotation.wallet, next, "announced");
        vm.assertEq(rotation.readyAt, next == address(0) ? 0 : announcedAt + 48 hours, "ready at");
        vm.assertTrue(rotation.vetoed == vetoed, "vetoed");
        vm.assertEq(splitter.consentNonce(accountId), consents, "consents");
    }
}
