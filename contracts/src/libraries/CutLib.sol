// SPDX-License-Identifier: MIT
// Cuts built from what facets say of themselves, so that a list of selectors exists once, in the facet.
pragma solidity 0.8.30;

import {IFacet} from "../interfaces/IAttestorFacet.sol";
import {IERC2535DiamondCutInternal} from "@solidstate/contracts/interfaces/IERC2535DiamondCutInternal.sol";

/// @title CutLib
library CutLib {
    /// @notice The cut that adds every selector of a facet's manifest.
    function addition(address facet) internal pure returns (IERC2535DiamondCutInternal.FacetCut memory) {
        return IERC2535DiamondCutInternal.FacetCut({
            target: facet,
            action: IERC2535DiamondCutInternal.FacetCutAction.ADD,
            selectors: IFacet(facet).selectorManifest()
        });
    }
}
