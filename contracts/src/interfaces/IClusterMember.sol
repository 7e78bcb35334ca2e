// SPDX-License-Identifier: MIT
// A member contract as the cluster, the EntryPoint and tools see it.
pragma solidity 0.8.30;

import {PackedUserOperation} from "../types/UserOperation.sol";

/// @title IAccount
/// @notice ERC-4337 v0.7 account.
interface IAccount {
    /// @notice Check an operation; 0 is good, 1 is a wrong signature.
    function validateUserOp(
        PackedUserOperation calldata userOp,
        bytes32 userOpHash,
        uint256 missingAccountFunds
    ) external returns (uint256 validationData);
}

/// @title IClusterMember
/// @notice One node on chain: dstack's app id and the node's account, at one address.
interface IClusterMember is IAccount {
    event OwnerSet(address indexed owner);
    event OwnerSetSkipped(address indexed existingOwner, address indexed proposedOwner);

    /// @notice Bind a factory-made member to its cluster; the factory calls it in the deployment.
    function initialize(address cluster_) external;

    /// @notice Bind a stock dstack app to a cluster, in the `upgradeToAndCall` that converts it.
    function reinitializeFromDstackApp(address cluster_) external;

    /// @notice The cluster the member belongs to.
    function cluster() external view returns (address);

    /// @notice The key that signs for the account; zero until registered.
    function owner() external view returns (address);

    /// @notice Call a contract as this account; the EntryPoint only.
    function execute(address target, uint256 value, bytes calldata data) external;

    /// @notice Install the owner at registration; the cluster only. An owner that is there stays.
    // solhint-disable-next-line func-name-mixedcase
    function __setOwnerFromCluster(address newOwner) external;
}
