// SPDX-License-Identifier: MIT
// ERC-7201 layout `attestmesh.storage.Message`: envelope ids seen, per recipient.
// Written by MessageFacet alone; ciphertexts live in events.
pragma solidity 0.8.30;

/// @title MessageStorage
library MessageStorage {
    /// @dev keccak256(abi.encode(uint256(keccak256("attestmesh.storage.Message")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0x01ed23594c696028727ead8f00e63e0673d543f2d3613a2c2fc01abf2ca2d100;

    struct Layout {
        // The sender in the slot that deduplicates: non-zero means used, and says whose it was.
        mapping(bytes32 recipient => mapping(bytes32 envelopeId => bytes32 sender)) envelopeSenders;
    }

    function layout() internal pure returns (Layout storage l) {
        bytes32 slot = SLOT;
        assembly ("memory-safe") {
            l.slot := slot
        }
    }
}
