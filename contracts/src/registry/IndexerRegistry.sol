// SPDX-License-Identifier: MIT
// The registry where nodes find a chain's indexers: a list kept by one owner. It vouches for nothing; nodes check
// what an indexer proves.
pragma solidity 0.8.30;

import {IIndexerRegistry} from "../interfaces/IIndexerRegistry.sol";
import {BadIndexerCount, NotOwner, ZeroAddress} from "../types/Errors.sol";
import {IndexerRecord} from "../types/IndexerTypes.sol";

/// @title IndexerRegistry
contract IndexerRegistry is IIndexerRegistry {
    /// @dev Nodes hold a stream to one and try the others in turn; more would only cost reads.
    uint256 internal constant MAX_INDEXERS = 16;

    /// @inheritdoc IIndexerRegistry
    address public owner;
    IndexerRecord[] private _records;

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner();
        _;
    }

    constructor(address owner_) {
        if (owner_ == address(0)) revert ZeroAddress();
        owner = owner_;
        emit OwnershipTransferred(address(0), owner_);
    }

    /// @inheritdoc IIndexerRegistry
    function transferOwnership(address newOwner) external onlyOwner {
        if (newOwner == address(0)) revert ZeroAddress();
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
    }

    /// @inheritdoc IIndexerRegistry
    function setIndexer(IndexerRecord calldata record) external onlyOwner {
        delete _records;
        emit IndexerUpdated(_push(record));
    }

    /// @inheritdoc IIndexerRegistry
    function setIndexers(IndexerRecord[] calldata records) external onlyOwner {
        if (records.length == 0 || records.length > MAX_INDEXERS) revert BadIndexerCount(records.length);
        delete _records;
        for (uint256 i; i < records.length; ++i) {
            IndexerRecord memory stamped = _push(records[i]);
            // readers of the older event take its record for the current one, which is the first
            if (i == 0) emit IndexerUpdated(stamped);
        }
        emit IndexersUpdated(records.length);
    }

    /// @inheritdoc IIndexerRegistry
    function current() external view returns (string memory, bytes32, bytes32, uint64) {
        if (_records.length == 0) return ("", 0, 0, 0);
        IndexerRecord storage first = _records[0];
        return (first.endpoint, first.codeId, first.pubKey, first.updatedAt);
    }

    /// @inheritdoc IIndexerRegistry
    function indexers() external view returns (IndexerRecord[] memory) {
        return _records;
    }

    function _push(IndexerRecord calldata record) private returns (IndexerRecord memory stamped) {
        stamped = record;
        stamped.updatedAt = uint64(block.timestamp);
        _records.push(stamped);
    }
}
