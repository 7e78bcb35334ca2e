// SPDX-License-Identifier: MIT
// Code that may run only as a delegatecall of a diamond: facet initialisers. It decides by where the code runs
// and whether that place has been configured.
pragma solidity 0.8.30;

import {MemberStorage} from "../storage/MemberStorage.sol";
import {NotDiamondContext} from "../types/Errors.sol";

/// @title DiamondContext
abstract contract DiamondContext {
    address private immutable SELF = address(this);

    /// @dev In a delegatecall, of a diamond that has an owner.
    modifier onlyConfiguredDiamond() {
        _checkDelegated();
        if (MemberStorage.layout().clusterOwner == address(0)) revert NotDiamondContext();
        _;
    }

    function _checkDelegated() internal view {
        if (address(this) == SELF) revert NotDiamondContext();
    }
}
