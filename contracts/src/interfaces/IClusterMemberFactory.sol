// SPDX-License-Identifier: MIT
// The factory whose members a cluster accepts without an allowlist entry.
pragma solidity 0.8.30;

/// @title IClusterMemberFactory
interface IClusterMemberFactory {
    event MemberDeployed(address indexed member, address indexed cluster, bytes32 salt);

    /// @notice Deploy a member for a cluster by CREATE2; anybody may.
    function deployMember(address cluster, bytes32 salt) external returns (address member);

    /// @notice The address that `deployMember` gives.
    function predictMemberAddress(address cluster, bytes32 salt) external view returns (address);

    /// @notice Whether this factory made the account.
    function isOurMember(address account) external view returns (bool);

    /// @notice The implementation that new members start with.
    function implementation() external view returns (address);

    /// @notice The members made, by number.
    function deployedMembers(uint256 number) external view returns (address);
}
