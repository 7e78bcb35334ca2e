// SPDX-License-Identifier: MIT
// The dstack attestor: registration by a KMS signature chain, and the allowlists behind the boot gate.
pragma solidity 0.8.30;

import {DstackProof} from "../types/DstackTypes.sol";
import {IAppAuth} from "./IAppAuth.sol";
import {IAppAuthBasicManagement} from "./IAppAuthBasicManagement.sol";
import {IAppPolicy} from "./IAppPolicy.sol";

/// @title IDstackFacet
interface IDstackFacet is IAppAuth, IAppAuthBasicManagement, IAppPolicy {
    event DstackMemberRegistered(bytes32 indexed memberId, bytes32 codeId, address derivedKey);
    event KmsRootAdded(address indexed kmsRoot);
    event KmsRootRemoved(address indexed kmsRoot);
    event AppIdAllowed(address indexed appId);
    event AppIdDisallowed(address indexed appId);
    event AllowLegacyRegistrationSet(bool allowed);

    /// @notice Register the calling member contract, or return after a readmission.
    /// @param proof The binding signature and the key-issuance chain under it.
    /// @param memberContract The caller; another only for a first registration and if legacy registration is on.
    /// @param xPubKey The member's x25519 key.
    /// @param wgPubKey The member's WireGuard key.
    // solhint-disable-next-line func-name-mixedcase
    function dstack_register(
        DstackProof calldata proof,
        address memberContract,
        bytes32 xPubKey,
        bytes32 wgPubKey
    ) external returns (bytes32 memberId);

    /// @notice Accept a KMS root key's address (cluster owner).
    function addAllowedKmsRoot(address kmsRoot) external;

    /// @notice Stop accepting a KMS root (cluster owner).
    function removeAllowedKmsRoot(address kmsRoot) external;

    /// @notice Whether a KMS root is accepted.
    function allowedKmsRoots(address kmsRoot) external view returns (bool);

    /// @notice Allow an app id to boot and to register before it is a member (cluster owner).
    function addAllowedAppId(address appId) external;

    /// @notice Take an app id off the list (cluster owner).
    function removeAllowedAppId(address appId) external;

    /// @notice Whether an app id is listed.
    function allowedAppIds(address appId) external view returns (bool);

    /// @notice Admit what older nodes and scripts present: purpose `ethereum`, and for a first registration a
    ///         caller other than the member (cluster owner; off by default).
    function setAllowLegacyRegistration(bool allowed) external;

    /// @notice Whether legacy registration is on.
    function allowLegacyRegistration() external view returns (bool);
}
