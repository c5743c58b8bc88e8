// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {vm} from "./Vm.sol";
import {WalletIsPaid} from "./WalletIsPaid.t.sol";
import {WalletPaysByCall} from "./WalletPaysByCall.t.sol";
import {WalletPaysBySignature} from "./WalletPaysBySignature.t.sol";

/// @title An ordinary account of a key: what the other kinds are compared with
contract WalletKeyTest is WalletIsPaid, WalletPaysByCall, WalletPaysBySignature {
    uint256 private constant KEY = 0xE0A;

    function _make() internal pure override returns (address) {
        return vm.addr(KEY);
    }

    function _word(bytes32 digest) internal pure override returns (bytes memory) {
        return _keySigns(KEY, digest);
    }

    function _act(address target, bytes memory data) internal override {
        vm.prank(wallet);
        (bool ok, bytes memory answer) = target.call(data);
        _forward(ok, answer);
    }
}
