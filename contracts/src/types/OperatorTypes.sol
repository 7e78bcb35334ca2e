// SPDX-License-Identifier: MIT
// The voucher of the operator attestor, which vouches by a key and not by hardware. It holds no logic.
pragma solidity 0.8.30;

/// @notice What an allowlisted operator key signs to admit a member.
struct OperatorProof {
    address signer;
    // Becomes the owner of the member account.
    address ownerKey;
    // Last second at which the voucher is good, Unix time.
    uint64 expiry;
    // By `signer`, over the EIP-191 form of the operator binding hash.
    bytes signature;
}
