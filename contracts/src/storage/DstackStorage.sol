// SPDX-License-Identifier: MIT
// ERC-7201 layout `attestmesh.storage.Dstack`: the allowlists and the boot policy of the dstack attestor.
// Written by DstackFacet alone.
pragma solidity 0.8.30;

/// @title DstackStorage
library DstackStorage {
    /// @dev keccak256(abi.encode(uint256(keccak256("attestmesh.storage.Dstack")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0x3a6ca0bce3f2eabeff789f3e634310c8ac9ff254a0d573f6389711dd0d3b9600;

    struct Layout {
        // The value of an allowlist entry is the installation that added it: an entry counts only while it equals
        // `installation`, so a facet removed and added again revives nothing.
        mapping(bytes32 composeHash => uint32 installation) allowedComposeHashes;
        mapping(bytes32 deviceId => uint32 installation) allowedDeviceIds;
        mapping(address kmsRoot => uint32 installation) allowedKmsRoots;
        bool allowAnyDevice;
        bool requireTcbUpToDate;
        mapping(address appId => uint32 installation) allowedAppIds;
        // Appended from here on. Counts installations, from 1.
        uint32 installation;
        bool allowLegacyRegistration;
    }

    function layout() internal pure returns (Layout storage l) {
        bytes32 slot = SLOT;
        assembly ("memory-safe") {
            l.slot := slot
        }
    }
}
