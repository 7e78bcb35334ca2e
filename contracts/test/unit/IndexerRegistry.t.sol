// SPDX-License-Identifier: MIT
// The registry of indexers: one owner, 1 to 16 records, the first of them as four values.
pragma solidity 0.8.30;

import {IndexerRegistry} from "../../src/registry/IndexerRegistry.sol";
import "../../src/types/Errors.sol";
import {IndexerRecord} from "../../src/types/IndexerTypes.sol";
import {Base} from "../utils/Base.sol";
import {Vm} from "../utils/Vm.sol";

contract IndexerRegistryTest is Base {
    address internal constant OWNER = address(0x0111);
    IndexerRegistry internal registry = new IndexerRegistry(OWNER);

    event IndexerUpdated(IndexerRecord record);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    function test_anEmptyRegistryAnswersEmptyValues() public view {
        (string memory endpoint, bytes32 codeId, bytes32 pubKey, uint64 updatedAt) = registry.current();
        vm.assertEq(endpoint, "", "endpoint");
        vm.assertEq(codeId, 0, "code id");
        vm.assertEq(pubKey, 0, "key");
        vm.assertEq(updatedAt, 0, "time");
        vm.assertEq(registry.indexers().length, 0, "list");
    }

    function test_oneIndexerReplacesTheList() public {
        asOwner(OWNER, address(registry), abi.encodeCall(registry.setIndexers, (records(3))));
        IndexerRecord memory one = records(9)[8];
        IndexerRecord memory stamped = records(9)[8];
        stamped.updatedAt = uint64(block.timestamp);
        vm.expectEmit(address(registry));
        emit IndexerUpdated(stamped);
        asOwner(OWNER, address(registry), abi.encodeCall(registry.setIndexer, (one)));
        (string memory endpoint, bytes32 codeId, bytes32 pubKey, uint64 updatedAt) = registry.current();
        vm.assertEq(endpoint, one.endpoint, "endpoint");
        vm.assertEq(codeId, one.codeId, "code id");
        vm.assertEq(pubKey, one.pubKey, "key");
        vm.assertEq(updatedAt, block.timestamp, "block time, not the caller's");
        vm.assertEq(registry.indexers().length, 1, "alone");
    }

    function test_aListOfSixteenAndItsFirst() public {
        IndexerRecord memory first = records(1)[0];
        first.updatedAt = uint64(block.timestamp);
        vm.recordLogs();
        asOwner(OWNER, address(registry), abi.encodeCall(registry.setIndexers, (records(16))));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2, "the first record and the count");
        vm.assertEq(logs[0].data, abi.encode(first), "the record that is current");
        vm.assertEq(logs[1].topics[0], keccak256("IndexersUpdated(uint256)"), "count event");
        vm.assertEq(logs[1].data, abi.encode(uint256(16)), "count");
        vm.assertEq(registry.indexers().length, 16, "all");
        (string memory endpoint,,,) = registry.current();
        vm.assertEq(endpoint, records(1)[0].endpoint, "the first");
        asOwner(OWNER, address(registry), abi.encodeCall(registry.setIndexers, (records(1))));
        vm.assertEq(registry.indexers().length, 1, "replaced");
    }

    function test_listsPastTheirBoundsAreRefused() public {
        expectOwnerRevert(
            OWNER,
            abi.encodeWithSelector(BadIndexerCount.selector, 0),
            address(registry),
            abi.encodeCall(registry.setIndexers, (records(0)))
        );
        expectOwnerRevert(
            OWNER,
            abi.encodeWithSelector(BadIndexerCount.selector, 17),
            address(registry),
            abi.encodeCall(registry.setIndexers, (records(17)))
        );
    }

    function test_onlyTheOwnerWrites() public {
        onlyBy(
            OWNER, NotOwner.selector, address(registry), abi.encodeCall(registry.setIndexer, (records(1)[0]))
        );
        onlyBy(
            OWNER, NotOwner.selector, address(registry), abi.encodeCall(registry.setIndexers, (records(1)))
        );
        bytes memory zero = abi.encodeCall(registry.transferOwnership, address(0));
        expectOwnerRevert(OWNER, abi.encodePacked(ZeroAddress.selector), address(registry), zero);
        vm.expectEmit(address(registry));
        emit OwnershipTransferred(OWNER, address(0x222));
        onlyBy(
            OWNER,
            NotOwner.selector,
            address(registry),
            abi.encodeCall(registry.transferOwnership, address(0x222))
        );
        vm.assertEq(registry.owner(), address(0x222), "handed over");
    }

    function test_aRegistryNeedsAnOwner() public {
        try new IndexerRegistry(address(0)) {
            vm.assertTrue(false, "made without an owner");
        } catch (bytes memory reason) {
            vm.assertEq(reason, abi.encodePacked(ZeroAddress.selector), "reason");
        }
    }

    function testFuzz_anyRecordIsKept(string memory endpoint, bytes32 codeId, bytes32 pubKey, uint64 time)
        public
    {
        IndexerRecord memory record = IndexerRecord(endpoint, codeId, pubKey, time);
        asOwner(OWNER, address(registry), abi.encodeCall(registry.setIndexer, (record)));
        record.updatedAt = uint64(block.timestamp);
        vm.assertEq(abi.encode(registry.indexers()[0]), abi.encode(record), "record");
    }

    function records(uint256 count) internal pure returns (IndexerRecord[] memory list) {
        list = new IndexerRecord[](count);
        for (uint256 i; i < count; ++i) {
            list[i] = IndexerRecord(
                string.concat("https://indexer-", vm.toString(i)),
                keccak256(abi.encode("code", i)),
                bytes32(i),
                7
            );
        }
    }
}
