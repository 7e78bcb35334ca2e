// SPDX-License-Identifier: MIT
// The factory that deploys whole clusters and vouches that they run its facets.
pragma solidity 0.8.30;

import {AttestorConfig, CoreConfig} from "../types/MemberTypes.sol";

/// @title IClusterDiamondFactory
interface IClusterDiamondFactory {
    event ClusterDeployed(address indexed cluster, address indexed clusterOwner, bytes32 salt);
    event AttestorApproved(address indexed facet);
    event AttestorRevoked(address indexed facet);

    /// @notice Deploy a cluster, configured in its constructor. The factory stays diamond owner until
    ///         `clusterOwner` calls `acceptOwnership()` on the cluster.
    function deployCluster(CoreConfig calldata core, AttestorConfig[] calldata attestors, bytes32 salt)
        external
        returns (address cluster);

    /// @notice The address that `deployCluster` gives for the same arguments.
    function predictClusterAddress(
        CoreConfig calldata core,
        AttestorConfig[] calldata attestors,
        bytes32 salt
    ) external view returns (address);

    /// @notice Whether this factory made the account.
    function isDeployedCluster(address account) external view returns (bool);

    /// @notice The clusters made, by number.
    function deployedClusters(uint256 number) external view returns (address);

    /// @notice Who keeps the list of approved attestors.
    function factoryOwner() external view returns (address);

    /// @notice The facet that configures a new cluster.
    function clusterInit() external view returns (address);

    /// @notice The registry facet.
    function attestFacet() external view returns (address);

    /// @notice The message facet.
    function messageFacet() external view returns (address);

    /// @notice The key publication facet.
    function networkFacet() external view returns (address);

    /// @notice The Cluster Shared Key facet.
    function cskFacet() external view returns (address);

    /// @notice Approve an attestor facet for new clusters (factory owner).
    function addApprovedAttestor(address facet) external;

    /// @notice Take an attestor facet off the list (factory owner); existing clusters keep it.
    function removeApprovedAttestor(address facet) external;

    /// @notice All approved attestor facets, in no particular order.
    function approvedAttestors() external view returns (address[] memory);

    /// @notice Whether an attestor facet is approved.
    function isApprovedAttestor(address facet) external view returns (bool);
}
