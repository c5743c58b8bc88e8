// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {WalletKind} from "./WalletKind.t.sol";

/// @title How any wallet that can call pays: no signature is asked for
abstract contract WalletPaysByCall is WalletKind {
    // 1, 2
    function test_paysByApproval() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        _act(address(usdc), abi.encodeCall(usdc.approve, (address(splitter), AMOUNT)));
        _act(address(splitter), _tipData());
        _assertPaid(before, had);
    }

    // 1, 2, 8
    function test_paysByTransferToTheVault() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        _act(address(usdc), abi.encodeCall(usdc.transfer, (_vaultOf(CREATOR, AGENT), AMOUNT)));
        _send(Call(anyone, abi.encodeCall(splitter.flush, (CREATOR, AGENT, REF))));
        _assertPaid(before, had);
    }
}
