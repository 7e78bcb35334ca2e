// SPDX-License-Identifier: MIT
// Deploys clusters with this release's facets and remembers which ones it made. It keeps no power over a cluster
// once the owner has accepted it.
pragma solidity 0.8.30;

import {ClusterDiamond} from "../ClusterDiamond.sol";
import {IClusterDiamondFactory} from "../interfaces/IClusterDiamondFactory.sol";
import {CutLib} from "../libraries/CutLib.sol";
import {AttestorNotApproved, NoCodeAt, NotFactoryOwner, ZeroAddress} from "../types/Errors.sol";
import {AttestorConfig, CoreConfig} from "../types/MemberTypes.sol";
import {ClusterInit} from "./ClusterInit.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IERC2535DiamondCutInternal} from "@solidstate/contracts/interfaces/IERC2535DiamondCutInternal.sol";

/// @title ClusterDiamondFactory
contract ClusterDiamondFactory is IClusterDiamondFactory {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @notice The contracts that every new cluster is made of.
    struct CoreContracts {
        address clusterInit;
        address attestFacet;
        address messageFacet;
        address networkFacet;
        address cskFacet;
    }

    /// @inheritdoc IClusterDiamondFactory
    address public immutable factoryOwner;
    /// @inheritdoc IClusterDiamondFactory
    address public immutable clusterInit;
    /// @inheritdoc IClusterDiamondFactory
    address public immutable attestFacet;
    /// @inheritdoc IClusterDiamondFactory
    address public immutable messageFacet;
    /// @inheritdoc IClusterDiamondFactory
    address public immutable networkFacet;
    /// @inheritdoc IClusterDiamondFactory
    address public immutable cskFacet;

    /// @inheritdoc IClusterDiamondFactory
    address[] public deployedClusters;
    /// @inheritdoc IClusterDiamondFactory
    mapping(address account => bool) public isDeployedCluster;
    EnumerableSet.AddressSet private _approved;

    modifier onlyFactoryOwner() {
        if (msg.sender != factoryOwner) revert NotFactoryOwner();
        _;
    }

    constructor(address owner, CoreContracts memory core) {
        if (owner == address(0)) revert ZeroAddress();
        factoryOwner = owner;
        clusterInit = _requireCode(core.clusterInit);
        attestFacet = _requireCode(core.attestFacet);
        messageFacet = _requireCode(core.messageFacet);
        networkFacet = _requireCode(core.networkFacet);
        cskFacet = _requireCode(core.cskFacet);
    }

    /// @inheritdoc IClusterDiamondFactory
    function deployCluster(CoreConfig calldata core, AttestorConfig[] calldata attestors, bytes32 salt)
        external
        returns (address cluster)
    {
        for (uint256 i; i < attestors.length; ++i) {
            if (!_approved.contains(attestors[i].facet)) revert AttestorNotApproved();
        }
        (IERC2535DiamondCutInternal.FacetCut[] memory cuts, bytes memory initData) = _plan(core, attestors);
        ClusterDiamond diamond = new ClusterDiamond{salt: salt}(cuts, clusterInit, initData);
        cluster = address(diamond);
        deployedClusters.push(cluster);
        isDeployedCluster[cluster] = true;
        emit ClusterDeployed(cluster, core.clusterOwner, salt);
        diamond.transferOwnership(core.clusterOwner);
    }

    /// @inheritdoc IClusterDiamondFactory
    function predictClusterAddress(
        CoreConfig calldata core,
        AttestorConfig[] calldata attestors,
        bytes32 salt
    ) external view returns (address) {
        (IERC2535DiamondCutInternal.FacetCut[] memory cuts, bytes memory initData) = _plan(core, attestors);
        return Create2.computeAddress(
            salt,
            keccak256(
                bytes.concat(type(ClusterDiamond).creationCode, abi.encode(cuts, clusterInit, initData))
            )
        );
    }

    /// @inheritdoc IClusterDiamondFactory
    function addApprovedAttestor(address facet) external onlyFactoryOwner {
        if (_approved.add(_requireCode(facet))) emit AttestorApproved(facet);
    }

    /// @inheritdoc IClusterDiamondFactory
    function removeApprovedAttestor(address facet) external onlyFactoryOwner {
        if (_approved.remove(facet)) emit AttestorRevoked(facet);
    }

    /// @inheritdoc IClusterDiamondFactory
    function approvedAttestors() external view returns (address[] memory) {
        return _approved.values();
    }

    /// @inheritdoc IClusterDiamondFactory
    function isApprovedAttestor(address facet) external view returns (bool) {
        return _approved.contains(facet);
    }

    function _plan(CoreConfig calldata core, AttestorConfig[] calldata attestors)
        private
        view
        returns (IERC2535DiamondCutInternal.FacetCut[] memory cuts, bytes memory initData)
    {
        cuts = new IERC2535DiamondCutInternal.FacetCut[](4 + attestors.length);
        cuts[0] = CutLib.addition(attestFacet);
        cuts[1] = CutLib.addition(messageFacet);
        cuts[2] = CutLib.addition(networkFacet);
        cuts[3] = CutLib.addition(cskFacet);
        for (uint256 i; i < attestors.length; ++i) {
            cuts[4 + i] = CutLib.addition(attestors[i].facet);
        }
        initData = abi.encodeCall(ClusterInit.init, (core, attestors));
    }

    function _requireCode(address account) private view returns (address) {
        if (account.code.length == 0) revert NoCodeAt(account);
        return account;
    }
}
