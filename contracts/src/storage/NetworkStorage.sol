// SPDX-License-Identifier: MIT
// ERC-7201 layout `attestmesh.storage.Network`: published keys and who holds which WireGuard key.
// Written by the WireGuard key library and NetworkFacet alone.
pragma solidity 0.8.30;

/// @title NetworkStorage
library NetworkStorage {
    /// @dev keccak256(abi.encode(uint256(keccak256("attestmesh.storage.Network")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0x474b09740077ffacfbf2d439dfedf08d163ee733bb577268273bf24437752a00;

    /// @dev Who holds a WireGuard key. Void once the holder is removed or has registered again (another tenure),
    ///      and, unless it was registered with, once the holder uses another key.
    struct WgClaim {
        // Index + 1, so that zero means unclaimed.
        uint32 holderPlusOne;
        uint16 tenure;
        // The holder registered with this key: it stays reserved for this tenure even after a rotation.
        bool registered;
    }

    struct Layout {
        // Live layout; the member record holds the only copy, so this stays empty.
        mapping(bytes32 memberId => bytes32 wgPubKey) wgPubKeys;
        mapping(bytes32 memberId => bytes32 ed25519Key) ed25519Keys;
        // Appended from here on.
        mapping(bytes32 wgPubKey => WgClaim) wgClaims;
    }

    function layout() internal pure returns (Layout storage l) {
        bytes32 slot = SLOT;
        assembly ("memory-safe") {
            l.slot := slot
        }
    }
}
