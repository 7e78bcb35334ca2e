// SPDX-License-Identifier: MIT
// dstack's boot authorisation, as its KMS calls it. The interface id is the selector, 0x1e079198.
pragma solidity 0.8.30;

import {AppBootInfo} from "../types/DstackTypes.sol";

/// @title IAppAuth
interface IAppAuth {
    /// @notice Whether a machine may boot as this app, and if not, why.
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason);
}
