// SPDX-License-Identifier: MIT
// ERC-7201 layout `attestmesh.storage.Member`: the member registry and the cluster's configuration.
// Written by the registration library and AttestFacet alone; read by every facet.
pragma solidity 0.8.30;

import {MemberRecord} from "../types/MemberTypes.sol";

/// @title MemberStorage
library MemberStorage {
    /// @dev keccak256(abi.encode(uint256(keccak256("attestmesh.storage.Member")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0xb467e8594a304c917a13600fb1a45cab0b4afdd28a6631433cce9a01f8451200;

    struct Layout {
        mapping(bytes32 memberId => MemberRecord) members;
        // Current members only; a removed one is found through formerIdOf.
        mapping(address memberContract => bytes32 memberId) memberIdOf;
        // By index, removed members included.
        bytes32[] memberIds;
        address clusterOwner;
        address pendingClusterOwner;
        uint32 meshCidrIp;
        uint8 meshCidrPrefix;
        // Live layout; commitments are kept in CskStorage, so this stays zero.
        bytes32 cskCommitment;
        address memberFactory;
        // Appended from here on.
        uint32 removedCount;
        // Removed members, until they register again.
        mapping(address memberContract => bytes32 memberId) formerIdOf;
        // Bit i of word w: the member of index 256 w + i is removed. It is written on removal only, so that
        // listing and finding the originator cost a registration nothing.
        mapping(uint256 word => uint256 bits) removedBits;
        // Bit i of word w: host number 256 w + i of the mesh network is given out.
        mapping(uint256 word => uint256 bits) hostBits;
    }

    function layout() internal pure returns (Layout storage l) {
        bytes32 slot = SLOT;
        assembly ("memory-safe") {
            l.slot := slot
        }
    }
}
