// SPDX-License-Identifier: MIT
// ERC-7201 layout `attestmesh.storage.ClusterMember`: the state of one member account.
// Written by ClusterMember alone; nonces live in the EntryPoint.
pragma solidity 0.8.30;

/// @title ClusterMemberStorage
library ClusterMemberStorage {
    /// @dev keccak256(abi.encode(uint256(keccak256("attestmesh.storage.ClusterMember")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0xeaff3df3ee5169d005a03d5a55e3db27753713bb429f09c0a0f5b446a482f300;

    struct Layout {
        address cluster;
        // The key that signs for the account; zero until the first registration.
        address owner;
    }

    function layout() internal pure returns (Layout storage l) {
        bytes32 slot = SLOT;
        assembly ("memory-safe") {
            l.slot := slot
        }
    }
}
