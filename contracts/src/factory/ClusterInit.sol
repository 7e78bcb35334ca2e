// SPDX-License-Identifier: MIT
// The first and only configuration of a cluster, run as a delegatecall of its constructor.
pragma solidity 0.8.30;

import {IAttestorFacet} from "../interfaces/IAttestorFacet.sol";
import {DiamondContext} from "../libraries/DiamondContext.sol";
import {MeshIpLib} from "../libraries/MeshIpLib.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {AlreadyInitialized, NoCodeAt, ZeroAddress} from "../types/Errors.sol";
import {AttestorConfig, CoreConfig} from "../types/MemberTypes.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title ClusterInit
contract ClusterInit is DiamondContext {
    using Address for address;

    /// @notice Write the core configuration, then begin the installation of each attestor. Delegatecall only, once.
    function init(CoreConfig calldata core, AttestorConfig[] calldata attestors) external {
        _checkDelegated();
        MemberStorage.Layout storage l = MemberStorage.layout();
        if (l.clusterOwner != address(0)) revert AlreadyInitialized();
        if (core.clusterOwner == address(0)) revert ZeroAddress();
        if (core.memberFactory.code.length == 0) revert NoCodeAt(core.memberFactory);
        l.clusterOwner = core.clusterOwner;
        l.memberFactory = core.memberFactory;
        MeshIpLib.configure(core.meshCidrIp, core.meshCidrPrefix);
        for (uint256 i; i < attestors.length; ++i) {
            attestors[i].facet
                .functionDelegateCall(abi.encodeCall(IAttestorFacet.initAttestor, (attestors[i].initData)));
        }
    }
}
