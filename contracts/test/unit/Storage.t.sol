// SPDX-License-Identifier: MIT
// Storage slots, recomputed from their names, and the places of the fields that live deployments have.
pragma solidity 0.8.30;

import {ClusterMemberStorage} from "../../src/storage/ClusterMemberStorage.sol";
import {CskStorage} from "../../src/storage/CskStorage.sol";
import {DstackStorage} from "../../src/storage/DstackStorage.sol";
import {MemberStorage} from "../../src/storage/MemberStorage.sol";
import {MessageStorage} from "../../src/storage/MessageStorage.sol";
import {NetworkStorage} from "../../src/storage/NetworkStorage.sol";
import {OperatorStorage} from "../../src/storage/OperatorStorage.sol";
import {Chain, Node} from "../utils/Chain.sol";

contract StorageTest is Chain {
    function test_everySlotIsItsNames() public pure {
        assertSlot(MemberStorage.SLOT, "attestmesh.storage.Member");
        assertSlot(MessageStorage.SLOT, "attestmesh.storage.Message");
        assertSlot(NetworkStorage.SLOT, "attestmesh.storage.Network");
        assertSlot(CskStorage.SLOT, "attestmesh.storage.Csk");
        assertSlot(DstackStorage.SLOT, "attestmesh.storage.Dstack");
        assertSlot(OperatorStorage.SLOT, "attestmesh.storage.OperatorInstallations");
        assertSlot(ClusterMemberStorage.SLOT, "attestmesh.storage.ClusterMember");
    }

    function test_theMemberLayoutIsTheLiveOne() public {
        Node memory node = registered(1);
        asClusterOwner(abi.encodeCall(cluster.transferClusterOwnership, address(0x77)));
        bytes32 slot = 0xb467e8594a304c917a13600fb1a45cab0b4afdd28a6631433cce9a01f8451200;
        bytes32 id = idOf(node);
        bytes32 record = keccak256(abi.encode(id, slot));
        vm.assertEq(field(record, 0), DSTACK_ID, "attestorId");
        vm.assertEq(field(record, 1), bytes32(uint256(uint160(node.member))), "memberContract");
        vm.assertEq(field(record, 2), node.xPubKey, "xPubKey");
        vm.assertEq(field(record, 3), node.wgPubKey, "wgPubKey");
        vm.assertEq(uint64(uint256(field(record, 4))), block.timestamp, "registeredAt");
        vm.assertEq(field(keccak256(abi.encode(node.member, uint256(slot) + 1)), 0), id, "memberIdOf");
        vm.assertEq(uint256(field(slot, 2)), 1, "memberIds length");
        vm.assertEq(field(keccak256(abi.encode(uint256(slot) + 2)), 0), id, "memberIds[0]");
        vm.assertEq(field(slot, 3), bytes32(uint256(uint160(OWNER))), "clusterOwner");
        vm.assertEq(
            field(slot, 4),
            bytes32(uint256(0x77) | uint256(NETWORK) << 160 | uint256(16) << 192),
            "pendingClusterOwner, meshCidr"
        );
        vm.assertEq(field(slot, 6), bytes32(uint256(uint160(address(memberFactory)))), "memberFactory");
    }

    function test_theMemberAccountsLayoutIsTheLiveOne() public {
        Node memory node = registered(1);
        bytes32 slot = 0xeaff3df3ee5169d005a03d5a55e3db27753713bb429f09c0a0f5b446a482f300;
        vm.assertEq(vm.load(node.member, slot), bytes32(uint256(uint160(address(cluster)))), "cluster");
        vm.assertEq(
            vm.load(node.member, bytes32(uint256(slot) + 1)),
            bytes32(uint256(uint160(vm.addr(node.ownerKey)))),
            "owner"
        );
    }

    function test_theDstackLayoutIsTheLiveOne() public {
        bytes32 slot = 0x3a6ca0bce3f2eabeff789f3e634310c8ac9ff254a0d573f6389711dd0d3b9600;
        asClusterOwner(abi.encodeCall(cluster.addAllowedAppId, address(0x77)));
        asClusterOwner(abi.encodeCall(cluster.setRequireTcbUpToDate, true));
        bytes32 yes = bytes32(uint256(1));
        vm.assertEq(field(keccak256(abi.encode(COMPOSE_HASH, slot)), 0), yes, "allowedComposeHashes");
        vm.assertEq(field(keccak256(abi.encode(DEVICE, uint256(slot) + 1)), 0), yes, "allowedDeviceIds");
        vm.assertEq(field(keccak256(abi.encode(KMS_ROOT, uint256(slot) + 2)), 0), yes, "allowedKmsRoots");
        vm.assertEq(field(slot, 3), bytes32(uint256(0x0100)), "allowAnyDevice, requireTcbUpToDate");
        vm.assertEq(field(keccak256(abi.encode(address(0x77), uint256(slot) + 4)), 0), yes, "allowedAppIds");
    }

    function test_keysAndEnvelopesLieWhereTheyDo() public {
        Node memory node = registered(1);
        mustAct(node, abi.encodeCall(cluster.publishEd25519Key, keccak256("ed")));
        mustAct(node, abi.encodeCall(cluster.send, (idOf(node), keccak256("e"), new bytes(48))));
        bytes32 network = 0x474b09740077ffacfbf2d439dfedf08d163ee733bb577268273bf24437752a00;
        vm.assertEq(
            field(keccak256(abi.encode(idOf(node), uint256(network) + 1)), 0), keccak256("ed"), "ed25519Keys"
        );
        bytes32 message = 0x01ed23594c696028727ead8f00e63e0673d543f2d3613a2c2fc01abf2ca2d100;
        bytes32 channel = keccak256(abi.encode(idOf(node), message));
        vm.assertEq(field(keccak256(abi.encode(keccak256("e"), channel)), 0), idOf(node), "the sender");
    }

    function field(bytes32 slot, uint256 offset) internal view returns (bytes32) {
        return vm.load(address(cluster), bytes32(uint256(slot) + offset));
    }

    function assertSlot(bytes32 slot, string memory name) internal pure {
        bytes32 expected =
            keccak256(abi.encode(uint256(keccak256(bytes(name))) - 1)) & ~bytes32(uint256(0xff));
        vm.assertEq(slot, expected, name);
    }
}
