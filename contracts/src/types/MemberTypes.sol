// SPDX-License-Identifier: MIT
// The shapes of membership: the stored record, what its getters answer, and the configuration a cluster is
// born with. They hold no logic.
pragma solidity 0.8.30;

/// @notice A member as stored. The first five fields are the live layout; the rest is appended and shares the
///         last word with `registeredAt`.
struct MemberRecord {
    bytes32 attestorId;
    address memberContract;
    bytes32 xPubKey;
    bytes32 wgPubKey;
    // Block time of the newest registration; non-zero for every member that ever was.
    uint64 registeredAt;
    // Position in order of first registration; never moves.
    uint32 index;
    // IPv4 mesh address; never given to another.
    uint32 meshIp;
    // Block time of removal; zero while a member.
    uint48 removedAt;
    // Block of the first registration, where log searches start.
    uint48 registeredBlock;
    // Counts registrations; WireGuard key claims of an earlier one are void.
    uint16 tenure;
    // Set when the owner lifted the bar and the member has not registered again yet.
    bool readmitted;
}

/// @notice What `memberOf` and `memberById` answer; all zero for a stranger or a removed member.
struct Member {
    bytes32 attestorId;
    address memberContract;
    bytes32 xPubKey;
    bytes32 wgPubKey;
    uint64 registeredAt;
}

/// @notice One row of the paged view, removed members included.
struct MemberView {
    bytes32 memberId;
    address memberContract;
    uint32 index;
    bytes32 attestorId;
    bytes32 xPubKey;
    bytes32 wgPubKey;
    bytes32 ed25519Key;
    uint32 meshIp;
    bytes16 meshIp6;
    uint64 registeredAt;
    uint64 removedAt;
    uint64 registeredBlock;
}

/// @notice What every cluster is constructed with.
struct CoreConfig {
    address clusterOwner;
    // Network address as a big-endian number, 10.13.0.0 is 0x0a0d0000.
    uint32 meshCidrIp;
    uint8 meshCidrPrefix;
    address memberFactory;
}

/// @notice An attestor facet to install and the blob its initialiser decodes.
struct AttestorConfig {
    address facet;
    bytes initData;
}
