// SPDX-License-Identifier: MIT
// ERC-7201 layout `attestmesh.storage.OperatorInstallations`: the signer lists of the operator attestor, one per
// installation. It vouches by a key, not by hardware. Written by OperatorFacet alone.
pragma solidity 0.8.30;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

/// @title OperatorStorage
library OperatorStorage {
    /// @dev ERC-7201: keccak256(abi.encode(uint256(keccak256("attestmesh.storage.OperatorInstallations")) - 1))
    ///      & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0x37b2e8227648c5baaf3924de8eb74cb37e398520eb16039347d39f0b84f96800;

    struct Layout {
        // Counts installations, from 1; only the list of the current one is ever read.
        uint32 installation;
        mapping(uint32 installation => EnumerableSet.AddressSet) signers;
    }

    function layout() internal pure returns (Layout storage l) {
        bytes32 slot = SLOT;
        assembly ("memory-safe") {
            l.slot := slot
        }
    }
}
