// SPDX-License-Identifier: MIT
// What a facet says of itself, so that a cut is built from the facet and cannot drift from it. None of these
// functions is ever cut into a diamond.
pragma solidity 0.8.30;

/// @title IFacet
interface IFacet {
    /// @notice Exactly the selectors to cut into a diamond.
    function selectorManifest() external pure returns (bytes4[] memory);
}

/// @title IAttestorFacet
/// @notice A facet that admits members by one attestation method.
interface IAttestorFacet is IFacet {
    /// @notice Stable id of the method, keccak256("attestmesh.attestor.<name>").
    function attestorId() external pure returns (bytes32);

    /// @notice Begin an installation: empty lists, then those of the blob. Delegatecall from a configured diamond
    ///         only, else `NotDiamondContext()`.
    function initAttestor(bytes calldata initData) external;

    /// @notice End an installation: the init of the cut that removes the facet. Clears its interface ids.
    ///         Delegatecall only, else `NotDiamondContext()`.
    function retireAttestor() external;
}
