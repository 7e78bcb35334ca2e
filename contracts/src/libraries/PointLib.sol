// SPDX-License-Identifier: MIT
// Compressed secp256k1 points: decompression and the address of a public key. It knows nothing of signatures.
pragma solidity 0.8.30;

import {InvalidPubKeyLength, PointNotOnCurve} from "../types/Errors.sol";

/// @title PointLib
library PointLib {
    uint256 internal constant COMPRESSED_BYTES = 33;
    uint256 internal constant FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    /// @dev (FIELD + 1) / 4: raising to it gives a square root, because FIELD is 3 modulo 4.
    uint256 internal constant ROOT_EXPONENT =
        0x3fffffffffffffffffffffffffffffffffffffffffffffffffffffffbfffff0c;
    uint256 internal constant MODEXP_PRECOMPILE = 5;

    /// @notice The address of a SEC1 compressed public key. Reverts `InvalidPubKeyLength()`, and `PointNotOnCurve()`
    ///         for a prefix other than 2 or 3, an x outside the field, or one without a y.
    function toAddress(bytes calldata compressed) internal view returns (address) {
        if (compressed.length != COMPRESSED_BYTES) revert InvalidPubKeyLength();
        uint256 prefix = uint8(compressed[0]);
        uint256 x = uint256(bytes32(compressed[1:33]));
        if ((prefix != 2 && prefix != 3) || x >= FIELD) revert PointNotOnCurve();

        uint256 ySquared = addmod(mulmod(mulmod(x, x, FIELD), x, FIELD), 7, FIELD);
        uint256 y = _powRoot(ySquared);
        if (mulmod(y, y, FIELD) != ySquared) revert PointNotOnCurve();
        // y is never zero: the curve has no point of order two
        if (y & 1 != prefix & 1) y = FIELD - y;
        return address(uint160(uint256(keccak256(abi.encode(x, y)))));
    }

    function _powRoot(uint256 base) private view returns (uint256 result) {
        // 32-byte base, exponent and modulus; the precompile cannot fail on these lengths, and if it were absent
        // the result would be zero, whose square no curve point has
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore(p, 32)
            mstore(add(p, 0x20), 32)
            mstore(add(p, 0x40), 32)
            mstore(add(p, 0x60), base)
            mstore(add(p, 0x80), ROOT_EXPONENT)
            mstore(add(p, 0xa0), FIELD)
            if staticcall(gas(), MODEXP_PRECOMPILE, p, 0xc0, p, 0x20) { result := mload(p) }
        }
    }
}
