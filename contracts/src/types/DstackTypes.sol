// SPDX-License-Identifier: MIT
// The shapes of dstack: what its KMS asks the boot gate with, the registration proof, and the facet's
// initial configuration. They hold no logic.
pragma solidity 0.8.30;

/// @notice What dstack's KMS knows of a machine that wants to boot, in dstack's own order.
struct AppBootInfo {
    address appId;
    bytes32 composeHash;
    address instanceId;
    bytes32 deviceId;
    bytes32 mrAggregated;
    bytes32 mrSystem;
    bytes32 osImageHash;
    string tcbStatus;
    string[] advisoryIds;
}

/// @notice A dstack registration proof: the binding signature and the two key-issuance links under it.
struct DstackProof {
    // The member contract's address in the upper 20 bytes, the lower 12 zero.
    bytes32 codeId;
    // keccak256(abi.encode("attestmesh.bind.v1", cluster, member, xPubKey, wgPubKey))
    bytes32 messageHash;
    // By the derived key, over the EIP-191 form of messageHash.
    bytes messageSignature;
    // By the app root key, over keccak256(purpose ":" hex(derived public key)).
    bytes appSignature;
    // By the KMS root key, over keccak256("dstack-kms-issued:" app_id app public key).
    bytes kmsSignature;
    bytes derivedCompressedPubkey;
    bytes appCompressedPubkey;
    string purpose;
}

/// @notice `initAttestor` blob of the dstack facet.
struct DstackInit {
    address kmsRootSigner;
    bytes32[] composeHashes;
    bytes32[] deviceIds;
    bool allowAnyDevice;
    bool requireTcbUpToDate;
}
