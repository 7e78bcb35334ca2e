// SPDX-License-Identifier: MIT
// The cluster: an ERC-2535 diamond that is configured in its constructor and so is never reachable half-made.
// All behaviour is in facets; the proxy, loupe, cut and owner code is SolidState's.
pragma solidity 0.8.30;

import {SolidStateDiamond} from "@solidstate/contracts/proxy/diamond/SolidStateDiamond.sol";

/// @title ClusterDiamond
contract ClusterDiamond is SolidStateDiamond {
    /// @param cuts The facets to start with.
    /// @param init The contract whose code configures the cluster, by delegatecall.
    /// @param initData What to call on it.
    constructor(FacetCut[] memory cuts, address init, bytes memory initData) {
        _diamondCut(cuts, init, initData);
    }
}
