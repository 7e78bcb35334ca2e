// SPDX-License-Identifier: MIT
// Where nodes find the indexers of a chain.
pragma solidity 0.8.30;

import {IndexerRecord} from "../types/IndexerTypes.sol";

/// @title IIndexerRegistry
interface IIndexerRegistry {
    event IndexerUpdated(IndexerRecord record);
    event IndexersUpdated(uint256 count);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    /// @notice Who may write.
    function owner() external view returns (address);

    /// @notice Hand the registry over.
    function transferOwnership(address newOwner) external;

    /// @notice Replace the whole list by one indexer; `updatedAt` is set to block time.
    function setIndexer(IndexerRecord calldata record) external;

    /// @notice Replace the whole list, 1 to 16 entries; `current()` answers the first.
    function setIndexers(IndexerRecord[] calldata records) external;

    /// @notice The first indexer, as four values; empty if none was set.
    function current()
        external
        view
        returns (string memory endpoint, bytes32 codeId, bytes32 pubKey, uint64 updatedAt);

    /// @notice All indexers.
    function indexers() external view returns (IndexerRecord[] memory);
}
