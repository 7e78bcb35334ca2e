// SPDX-License-Identifier: MIT
// Signature recovery that never reverts and answers zero for whatever is not one canonical signature. It says
// who signed, never whether that one was allowed to.
pragma solidity 0.8.30;

/// @title SigLib
library SigLib {
    uint256 internal constant SIGNATURE_BYTES = 65;
    /// @dev Half of the group order: a larger s is the malleable twin of a signature.
    uint256 internal constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice The signer of a digest; zero unless r, s, v is canonical. v may be 0/1 (as dstack writes it) or 27/28.
    function recover(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        if (signature.length != SIGNATURE_BYTES) return address(0);
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        uint8 v = uint8(signature[64]);
        if (v < 2) v += 27;
        if (uint256(s) > MAX_S || v < 27 || v > 28) return address(0);
        return ecrecover(digest, v, r, s);
    }

    /// @notice The EIP-191 "personal message" form of a 32-byte hash.
    function toEip191(bytes32 hash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", hash));
    }
}
