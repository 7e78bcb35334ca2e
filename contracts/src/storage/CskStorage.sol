// SPDX-License-Identifier: MIT
// ERC-7201 layout `attestmesh.storage.Csk`: generations of the Cluster Shared Key and their commitments.
// Written by the CSK library alone.
pragma solidity 0.8.30;

/// @title CskStorage
library CskStorage {
    /// @dev keccak256(abi.encode(uint256(keccak256("attestmesh.storage.Csk")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0xd12c65ce8d50a302be2a7e43687ab3bf39668161da1207fed3eeb5335babfa00;

    /// @dev Who used a commitment, and for which generation; generation 0 means unused.
    struct Use {
        uint32 generation;
        uint32 committerIndex;
    }

    struct Layout {
        // Newest committed generation; 0 before the first.
        uint32 generation;
        // Equal to generation, or one more while a rotation is pending.
        uint32 requested;
        mapping(uint32 generation => bytes32 commitment) commitments;
        mapping(bytes32 commitment => Use) uses;
    }

    function layout() internal pure returns (Layout storage l) {
        bytes32 slot = SLOT;
        assembly ("memory-safe") {
            l.slot := slot
        }
    }
}
