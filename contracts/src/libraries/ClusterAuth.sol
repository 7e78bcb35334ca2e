// SPDX-License-Identifier: MIT
// The question every owner function asks first.
pragma solidity 0.8.30;

import {MemberStorage} from "../storage/MemberStorage.sol";
import {NotClusterOwner} from "../types/Errors.sol";

/// @title ClusterAuth
abstract contract ClusterAuth {
    modifier onlyClusterOwner() {
        _checkClusterOwner();
        _;
    }

    function _checkClusterOwner() private view {
        if (msg.sender != MemberStorage.layout().clusterOwner) revert NotClusterOwner();
    }
}
