// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ITipSplitter} from "../../contracts/src/ITipSplitter.sol";

/// @title TipSplitter as its callers and its admin see it
/// @dev The tests run on the release bytecode, so they do not import the contract itself.
interface ISplitter is ITipSplitter, IAccessControl, IAccessControlDefaultAdminRules {
    function REGISTRAR_ROLE() external view returns (bytes32);
    function PAUSER_ROLE() external view returns (bytes32);
    function AUDITOR_ROLE() external view returns (bytes32);
}
