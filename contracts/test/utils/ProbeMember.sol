// SPDX-License-Identifier: MIT
// A member whose calls can be measured: the real account with one function more, put under a real proxy by an
// upgrade of the cluster owner. For gas measurements only.
pragma solidity 0.8.30;

import {ClusterMember} from "../../src/member/ClusterMember.sol";

contract ProbeMember is ClusterMember {
    /// @notice Make a call as this member and answer what the call itself used: no EntryPoint, no transaction base
    ///         cost, no calldata cost.
    function probe(address target, bytes calldata data) external returns (uint256 gas, bytes memory result) {
        bytes memory call = data;
        bool success;
        gas = gasleft();
        (success, result) = target.call(call);
        gas -= gasleft();
        require(success, "the measured call reverted");
    }
}
