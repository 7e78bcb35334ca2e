// SPDX-License-Identifier: MIT
// An account that asks its cluster during validation, which bundlers forbid for a diamond. It is the control that
// shows a bundler's safe mode to be really on.
pragma solidity 0.8.30;

import {IAttest} from "../../src/interfaces/IAttest.sol";
import {PackedUserOperation} from "../../src/types/UserOperation.sol";

contract RuleBreaker {
    address internal immutable CLUSTER;

    constructor(address cluster) {
        CLUSTER = cluster;
    }

    function validateUserOp(PackedUserOperation calldata, bytes32, uint256) external view returns (uint256) {
        return IAttest(CLUSTER).clusterOwner() == address(0) ? 1 : 0;
    }

    function execute(address, uint256, bytes calldata) external {}
}
