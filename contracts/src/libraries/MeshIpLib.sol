// SPDX-License-Identifier: MIT
// IPv4 and IPv6 mesh addresses: derivation, and assignment without collision. An address once given is never
// taken back.
pragma solidity 0.8.30;

import {MemberStorage} from "../storage/MemberStorage.sol";
import {InvalidMeshCidr, MeshFull} from "../types/Errors.sol";

/// @title MeshIpLib
library MeshIpLib {
    uint8 internal constant MIN_PREFIX = 8;
    uint8 internal constant MAX_PREFIX = 29;
    uint256 private constant WORD_BITS = 256;
    uint256 private constant ONE = 1;

    /// @notice Take the network and reserve its first (network) and last (broadcast) host numbers. Reverts
    ///         `InvalidMeshCidr()`.
    function configure(uint32 network, uint8 prefix) internal {
        if (prefix < MIN_PREFIX || prefix > MAX_PREFIX) revert InvalidMeshCidr();
        uint256 hosts = ONE << (32 - prefix);
        if (network & (hosts - 1) != 0) revert InvalidMeshCidr();
        MemberStorage.Layout storage l = MemberStorage.layout();
        (l.meshCidrIp, l.meshCidrPrefix) = (network, prefix);
        if (hosts < WORD_BITS) {
            // bits past the network count as given out, so that the search needs no special case
            l.hostBits[0] = ~(((ONE << (hosts - 1)) - 1) & ~ONE);
        } else {
            l.hostBits[0] = 1;
            l.hostBits[hosts / WORD_BITS - 1] |= ONE << (WORD_BITS - 1);
        }
    }

    /// @notice The address an id is tried at first; upstream's rule.
    function firstChoice(bytes32 memberId) internal view returns (uint32) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        // a host number is below 2^24
        // forge-lint: disable-next-line(unsafe-typecast)
        return l.meshCidrIp | uint32(_firstHost(memberId, ONE << (32 - l.meshCidrPrefix)));
    }

    /// @notice Give out the first choice, or the next free address after it, wrapping. Reverts `MeshFull()`.
    function assign(bytes32 memberId) internal returns (uint32) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        uint256 hosts = ONE << (32 - l.meshCidrPrefix);
        uint256 words = hosts < WORD_BITS ? 1 : hosts / WORD_BITS;
        uint256 host = _firstHost(memberId, hosts);
        uint256 word = host / WORD_BITS;
        // in the first word only the bits from the first choice on; the rest of it comes last
        uint256 mask = type(uint256).max << (host % WORD_BITS);
        unchecked {
            // counters stay far below 2^32
            for (uint256 i; i <= words; ++i) {
                uint256 used = l.hostBits[word];
                uint256 free = ~used & mask;
                if (free != 0) {
                    uint256 bit = lowestBit(free);
                    l.hostBits[word] = used | (ONE << bit);
                    // a host number is below 2^24
                    // forge-lint: disable-next-line(unsafe-typecast)
                    return l.meshCidrIp | uint32(word * WORD_BITS + bit);
                }
                mask = type(uint256).max;
                word = word + 1 == words ? 0 : word + 1;
            }
        }
        revert MeshFull();
    }

    /// @notice 0xfd, 40 bits of keccak256(cluster), the low 80 bits of the id.
    function ip6(address cluster, bytes32 memberId) internal pure returns (bytes16) {
        bytes5 site = bytes5(keccak256(abi.encodePacked(cluster)));
        // the low ten bytes are what is wanted of the id, sixteen bytes what is encoded
        // forge-lint: disable-next-line(unsafe-typecast)
        return bytes16(abi.encodePacked(bytes1(0xfd), site, bytes10(memberId << 176)));
    }

    /// @notice Position of the lowest set bit of a non-zero word.
    function lowestBit(uint256 word) internal pure returns (uint256 position) {
        unchecked {
            // isolating the lowest bit needs the two's complement
            word &= ~word + 1;
        }
        if (word >> 128 != 0) (position, word) = (128, word >> 128);
        if (word >> 64 != 0) (position, word) = (position | 64, word >> 64);
        if (word >> 32 != 0) (position, word) = (position | 32, word >> 32);
        if (word >> 16 != 0) (position, word) = (position | 16, word >> 16);
        if (word >> 8 != 0) (position, word) = (position | 8, word >> 8);
        if (word >> 4 != 0) (position, word) = (position | 4, word >> 4);
        if (word >> 2 != 0) (position, word) = (position | 2, word >> 2);
        if (word >> 1 != 0) position |= 1;
    }

    /// @dev 1 .. hosts - 2, from the low four bytes of the id's hash.
    function _firstHost(bytes32 memberId, uint256 hosts) private pure returns (uint256) {
        return uint256(uint32(uint256(keccak256(abi.encode(memberId))))) % (hosts - 2) + 1;
    }
}
