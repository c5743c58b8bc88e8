// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Vm.sol";

contract TipWithAuthorizationTest is Base {
    /// @dev What the payer signed, and what a submitter may say it was.
    struct Terms {
        address from;
        bytes32 creatorId;
        bytes32 agentId;
        uint256 amount;
        bytes32 ref;
        bytes32 salt;
        uint256 validAfter;
        uint256 validBefore;
        bytes signature;
    }

    // 1, 2: submitted by somebody without a role
    function test_paysAllThreeForAPayerWithoutEther() public {
        Books memory before = _books();
        vm.recordLogs();
        _send(_call(_signed()));
        _assertTipped(before, AMOUNT, 0);
        Vm.Log memory log = _theLog(ITipSplitter.TipSplit.selector);
        vm.assertEq(log.topics[3], bytes32(uint256(uint160(payer))), "payer");
    }

    // 13: the log names the rail
    function test_logsItsRail() public {
        Call memory c = _prepare(ITipSplitter.Rail.Authorization);
        vm.recordLogs();
        _send(c);
        bytes memory expected = abi.encode(
            AGENT, AMOUNT, 200_000, 2_500, creatorWallet, agentWallet, uint8(0), ITipSplitter.Rail.Authorization
        );
        vm.assertEq(_theLog(ITipSplitter.TipSplit.selector).data, expected, "data");
    }

    // 1, 4: the pull and the platform's leg are all that USDC logs
    function test_holdsAShareThatIsAlreadyHere() public {
        Call memory c = _prepareAuthorization(NOBODY, NO_AGENT, AMOUNT);
        Books memory before = _books();
        vm.recordLogs();
        _send(c);
        _assertTipped(before, AMOUNT, CREATOR_HELD | AGENT_HELD);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 transfers;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == keccak256("Transfer(address,address,uint256)")) ++transfers;
        }
        vm.assertEq(transfers, 2, "transfers");
    }

    // 11
    function test_reverts_whenAnyTermWasChanged() public {
        Terms[8] memory changed;
        for (uint256 i = 0; i < 8; ++i) {
            changed[i] = _signed();
        }
        changed[0].from = otherWallet;
        changed[1].creatorId = AGENT;
        changed[2].agentId = CREATOR;
        changed[3].amount += 1;
        changed[4].ref = bytes32(uint256(REF) + 1);
        changed[5].salt = 0;
        changed[6].validAfter = 1;
        changed[7].validBefore -= 1;
        _mint(otherWallet, AMOUNT);
        for (uint256 i = 0; i < 8; ++i) {
            _assertUsdcRefuses(_call(changed[i]), "FiatTokenV2: invalid signature");
        }
    }

    // 11
    function test_reverts_whenReplayed() public {
        Call memory c = _call(_signed());
        _send(c);
        _assertUsdcRefuses(c, "FiatTokenV2: authorization is used or canceled");
    }

    // 11
    function test_reverts_whenThePayerCancelled() public {
        Terms memory t = _signed();
        _cancelAuthorization(PAYER_KEY, splitter.termsNonce(t.creatorId, t.agentId, t.ref, t.salt));
        _assertUsdcRefuses(_call(t), "FiatTokenV2: authorization is used or canceled");
    }

    // 11
    function test_reverts_whenSignedByAnother() public {
        Terms memory t = _terms(0, FAR);
        t.signature = _signReceive(OTHER_KEY, _authorization(t));
        _assertUsdcRefuses(_call(t), "FiatTokenV2: invalid signature");
    }

    // 11: a transfer authorization of the same fields is another message
    function test_reverts_whenSignedAsTransfer() public {
        Terms memory t = _terms(0, FAR);
        t.signature = _signTransfer(PAYER_KEY, _authorization(t));
        _assertUsdcRefuses(_call(t), "FiatTokenV2: invalid signature");
    }

    // 11: nobody can pull the money here without its split
    function test_nobodyElseCanSubmitTheAuthorizationToUsdc() public {
        Terms memory t = _signed();
        Authorization memory a = _authorization(t);
        vm.prank(anyone);
        vm.expectRevert("FiatTokenV2: caller must be the payee");
        usdc.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, t.signature);
    }

    // 3
    function test_reverts_outsideItsWindow() public {
        Terms memory t = _terms(block.timestamp, block.timestamp + 2);
        t.signature = _signReceive(PAYER_KEY, _authorization(t));
        _assertUsdcRefuses(_call(t), "FiatTokenV2: authorization is not yet valid");
        vm.warp(block.timestamp + 2);
        _assertUsdcRefuses(_call(t), "FiatTokenV2: authorization is expired");
        vm.warp(block.timestamp - 1);
        _send(_call(t));
    }

    // 3
    function test_reverts_whenAmountIsBelowMinimum() public {
        Call memory c = _prepareAuthorization(CREATOR, AGENT, MIN_TIP - 1);
        _assertReverts(c, abi.encodeWithSelector(ITipSplitter.TipBelowMinimum.selector, MIN_TIP - 1, MIN_TIP));
    }

    // 11: the hash that payers compute, apart from the contract
    function test_theNonceIsTheHashOfTheTerms() public view {
        bytes32 salt = keccak256("salt");
        bytes32 typehash = keccak256("TipTerms(bytes32 creatorId,bytes32 agentId,bytes32 ref,bytes32 salt)");
        bytes32 expected = keccak256(abi.encode(typehash, CREATOR, AGENT, REF, salt));
        vm.assertEq(splitter.termsNonce(CREATOR, AGENT, REF, salt), expected, "nonce");
    }

    // 11: the submitter can change nothing whatever they make of the terms
    function testFuzz_onlyTheSignedTermsAreSplit(bytes32 creatorId, bytes32 agentId, bytes32 ref) public {
        vm.assume(creatorId != CREATOR || agentId != AGENT || ref != REF);
        Terms memory t = _signed();
        (t.creatorId, t.agentId, t.ref) = (creatorId, agentId, ref);
        _assertUsdcRefuses(_call(t), "FiatTokenV2: invalid signature");
    }

    function _signed() private returns (Terms memory t) {
        t = _terms(0, FAR);
        t.signature = _signReceive(PAYER_KEY, _authorization(t));
    }

    function _terms(uint256 validAfter, uint256 validBefore) private returns (Terms memory) {
        return Terms(payer, CREATOR, AGENT, AMOUNT, REF, _salt(), validAfter, validBefore, "");
    }

    function _authorization(Terms memory t) private view returns (Authorization memory) {
        bytes32 nonce = splitter.termsNonce(t.creatorId, t.agentId, t.ref, t.salt);
        return Authorization(t.from, address(splitter), t.amount, t.validAfter, t.validBefore, nonce);
    }

    function _call(Terms memory t) private view returns (Call memory) {
        bytes memory data = abi.encode(t);
        // The offset that a dynamic tuple begins with is not part of a call's arguments.
        bytes memory arguments = new bytes(data.length - 0x20);
        for (uint256 i = 0; i < arguments.length; ++i) {
            arguments[i] = data[i + 0x20];
        }
        return Call(anyone, abi.encodePacked(splitter.tipWithAuthorization.selector, arguments));
    }
}
