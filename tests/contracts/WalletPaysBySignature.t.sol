// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {WalletKind} from "./WalletKind.t.sol";

/// @title How a wallet pays for which USDC takes a signature
abstract contract WalletPaysBySignature is WalletKind {
    // 1, 2, 11
    function test_paysByPermit() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        _act(address(splitter), _permitData(_word(_permitDigest())));
        _assertPaid(before, had);
    }

    // 1, 2, 11: sent by somebody without a role
    function test_paysByAuthorization() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        bytes32 salt = _salt();
        _send(_authorizationCall(salt, _word(_receiveDigest(salt))));
        _assertPaid(before, had);
    }

    // 1, 2, 8: the tip deploys the vault
    function test_paysByX402() public {
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        Authorization memory a = _toTheVault();
        _send(_x402Call(CREATOR, AGENT, a, _word(_transferDigest(a))));
        _assertPaid(before, had);
    }

    // 1, 2, 8
    function test_paysByX402WithItsVaultDeployed() public {
        _tip(ITipSplitter.Rail.X402);
        (Books memory before, uint256 had) = (_books(), usdc.balanceOf(wallet));
        Authorization memory a = _toTheVault();
        _send(_x402Call(CREATOR, AGENT, a, _word(_transferDigest(a))));
        _assertPaid(before, had);
    }

    // 3, 11
    function test_reverts_whenAnotherSignedForIt() public {
        bytes32 salt = _salt();
        _assertNoSignaturePays(_keySigns(OTHER_KEY, _permitDigest()), _keySigns(OTHER_KEY, _receiveDigest(salt)), salt);
        Authorization memory a = _toTheVault();
        _assertNoX402Pays(a, _keySigns(OTHER_KEY, _transferDigest(a)));
    }

    // 11: its word for one payment is none for another
    function test_reverts_whenItsSignatureIsUsedTwice() public {
        bytes32 salt = _salt();
        bytes memory signature = _word(_receiveDigest(salt));
        _send(_authorizationCall(salt, signature));
        _assertUsdcRefuses(_authorizationCall(salt, signature), "FiatTokenV2: authorization is used or canceled");
        _assertUsdcRefuses(_authorizationCall(_salt(), signature), NOT_SIGNED);
    }
}
