// SPDX-License-Identifier: MIT
// The member registry as seen from outside: membership, addresses, removal and the two owners.
pragma solidity 0.8.30;

import {Member, MemberView} from "../types/MemberTypes.sol";

/// @title IAttest
/// @notice The registry of a cluster. It knows no attestation method; attestor facets write into it. Every live
///         getter answers zero for a stranger and for a removed member alike.
interface IAttest {
    event MemberRegistered(
        bytes32 indexed memberId,
        address indexed memberContract,
        bytes32 indexed attestorId,
        bytes32 xPubKey,
        bytes32 wgPubKey
    );
    event MemberRemoved(bytes32 indexed memberId, address indexed by);
    event MemberReadmitted(bytes32 indexed memberId, address indexed by);
    event ClusterOwnershipTransferProposed(address indexed newOwner);
    event ClusterOwnershipTransferAccepted(address indexed newOwner);
    event BothOwnersTransferProposed(address indexed newOwner);
    event BothOwnersTransferAccepted(address indexed newOwner);

    /// @notice Whether the account is a current member.
    function isClusterMember(address account) external view returns (bool);

    /// @notice The id of a current member; zero otherwise.
    function memberIdOf(address account) external view returns (bytes32);

    /// @notice The record of a current member, by its contract; all zero otherwise.
    function memberOf(address account) external view returns (Member memory);

    /// @notice The record of a current member, by its id; all zero otherwise.
    function memberById(bytes32 memberId) external view returns (Member memory);

    /// @notice The x25519 key of a current member; zero otherwise.
    function xPubKeyOf(bytes32 memberId) external view returns (bytes32);

    /// @notice Ids of the current members in order of first registration.
    function listMembers() external view returns (bytes32[] memory);

    /// @notice Number of current members.
    function memberCount() external view returns (uint256);

    /// @notice Number of members that ever were, removed ones included.
    function registeredCount() external view returns (uint32);

    /// @notice The index of a member, removed ones included; reverts `NoSuchMember()`.
    function indexOf(bytes32 memberId) external view returns (uint32);

    /// @notice The member of an index, removed ones included; reverts `NoSuchMember()`.
    function memberAt(uint32 index) external view returns (bytes32);

    /// @notice Up to `max` members by index, removed ones included, from index `from` on.
    /// @return page The rows.
    /// @return next Index to go on from; 0 at the end.
    function members(uint32 from, uint32 max) external view returns (MemberView[] memory page, uint32 next);

    /// @notice The mesh network: its address as a big-endian number, and the prefix length.
    function meshCidr() external view returns (uint32 ip, uint8 prefix);

    /// @notice The stored IPv4 mesh address of a member, removed ones included. For an id that never registered,
    ///         the address that it would be tried at first.
    function meshIpOf(bytes32 memberId) external view returns (uint32);

    /// @notice The IPv6 mesh address of an id: 0xfd, 40 bits of the cluster, 80 bits of the id.
    function meshIp6Of(bytes32 memberId) external view returns (bytes16);

    /// @notice Remove a member (cluster owner): it keeps index and addresses and passes no gate. A readmitted one
    ///         that has not registered again is barred again. Reverts `NotClusterMember()`.
    function removeMember(bytes32 memberId) external;

    /// @notice Remove oneself; only the cluster owner can lift the bar.
    function leave() external;

    /// @notice Lift the bar on a removed member (cluster owner): it may boot and register again. Never after a key
    ///         leak, because the account's owner stays.
    function readmitMember(bytes32 memberId) external;

    /// @notice The owner of allowlists and members.
    function clusterOwner() external view returns (address);

    /// @notice The proposed cluster owner; zero if none.
    function pendingClusterOwner() external view returns (address);

    /// @notice Propose a cluster owner; zero withdraws the proposal.
    function transferClusterOwnership(address newOwner) external;

    /// @notice Accept cluster ownership. If the old cluster owner is still the diamond's nominee, the nomination
    ///         passes to the new one.
    function acceptClusterOwnership() external;

    /// @notice Propose one account for both owners; the caller must hold both.
    function transferBothOwners(address newOwner) external;

    /// @notice Accept both roles at once; the caller must be the nominee of both.
    function acceptBothOwners() external;
}
