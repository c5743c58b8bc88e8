// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {MuteWallet} from "./Delegates.sol";
import {vm} from "./Vm.sol";
import {WalletPaysByCall} from "./WalletPaysByCall.t.sol";
import {WalletKind} from "./WalletKind.t.sol";

/// @title A contract without ERC-1271: it can call, and cannot sign
contract WalletMuteTest is WalletPaysByCall {
    uint256 private constant OWNER_KEY = 0x1111;

    function _make() internal override returns (address) {
        vm.prank(vm.addr(OWNER_KEY));
        return address(new MuteWallet());
    }

    function _word(bytes32 digest) internal pure override returns (bytes memory) {
        return _keySigns(OWNER_KEY, digest);
    }

    function _act(address target, bytes memory data) internal override {
        vm.prank(vm.addr(OWNER_KEY));
        MuteWallet(wallet).execute(target, data);
    }

    // 3, 11
    function test_reverts_whenItsOwnerSignsATip() public {
        bytes32 salt = _salt();
        _assertNoSignaturePays(_word(_permitDigest()), _word(_receiveDigest(salt)), salt);
        Authorization memory a = _toTheVault();
        _assertNoX402Pays(a, _word(_transferDigest(a)));
    }

    // 7: so it is paid nothing; its account's shares are held
    function test_reverts_whenItsOwnerConsents() public {
        bytes memory reason = abi.encodeWithSelector(ITipSplitter.InvalidWalletSignature.selector, wallet);
        _assertReverts(_registerCall(_consent(OWN)), reason);
        uint256 before = usdc.balanceOf(wallet);
        _tip(OWN, AGENT);
        vm.assertEq(usdc.balanceOf(wallet), before, "paid");
        vm.assertEq(splitter.held(OWN, _expiry()), 200_000, "held");
    }
}
