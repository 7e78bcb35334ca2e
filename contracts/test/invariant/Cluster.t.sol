// SPDX-License-Identifier: MIT
// The invariant campaign: after every call of the handler, everything that must always hold.
pragma solidity 0.8.30;

import {Base} from "../utils/Base.sol";
import {Handler} from "./Handler.sol";

contract ClusterInvariants is Base {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler internal handler;

    function setUp() public {
        handler = new Handler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev Only the handler's actions, none of the helpers that it inherits.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[13] memory actions = [
            Handler.register.selector,
            // twice, or campaigns would spend most of their calls on strangers
            Handler.register.selector,
            Handler.changeKey.selector,
            Handler.leave.selector,
            Handler.publishWgKey.selector,
            Handler.publishEd25519Key.selector,
            Handler.send.selector,
            Handler.setCskCommitment.selector,
            Handler.commitCsk.selector,
            Handler.requestRotation.selector,
            Handler.remove.selector,
            Handler.readmit.selector,
            Handler.pass.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        targets[0].selectors = new bytes4[](actions.length);
        for (uint256 i; i < actions.length; ++i) {
            targets[0].selectors[i] = actions[i];
        }
    }

    /// @dev One function for all of them: every invariant function is a campaign of its own.
    function invariant_whatMustAlwaysHold() public {
        handler.check();
    }
}
