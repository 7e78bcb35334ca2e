// SPDX-License-Identifier: MIT
// The registry's record of one indexer. It holds no logic.
pragma solidity 0.8.30;

/// @notice Where an indexer answers and which code and key it proves.
struct IndexerRecord {
    string endpoint;
    bytes32 codeId;
    // Ed25519 key that signs its pushes.
    bytes32 pubKey;
    // Block time of the entry; what the caller gives is overwritten.
    uint64 updatedAt;
}
