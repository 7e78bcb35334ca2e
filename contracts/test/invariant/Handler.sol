// SPDX-License-Identifier: MIT
// What the invariant campaign does to a cluster: six nodes and their owner, every call in any order. It keeps what
// must never change and refuses, on the spot, that a removed member passes a gate.
pragma solidity 0.8.30;

import {AppBootInfo} from "../../src/types/DstackTypes.sol";
import {Member} from "../../src/types/MemberTypes.sol";
import {Chain, Node, Outcome} from "../utils/Chain.sol";

contract Handler is Chain {
    uint256 internal constant NODES = 6;
    /// @dev Few keys and envelope ids, so that they collide often.
    uint256 internal constant VALUES = 8;

    Node[NODES] internal nodes;
    bytes32[NODES] internal ids;

    // Removed and not readmitted, by the calls that succeeded.
    bool[NODES] internal barred;
    // What was seen once and must stay.
    mapping(address member => address) internal ownerSeen;
    mapping(bytes32 id => uint256) internal indexPlusOneSeen;
    mapping(uint32 ip => bytes32) internal holderSeen;
    mapping(uint32 generation => bytes32) internal commitmentSeen;
    mapping(bytes32 commitment => uint32) internal generationSeen;
    mapping(bytes32 recipient => mapping(bytes32 envelope => bytes32)) internal senderSeen;

    constructor() {
        setUp();
        for (uint256 i; i < NODES; ++i) {
            nodes[i] = newNode(i);
            nodes[i].wgPubKey = keyOf(i);
            ids[i] = idOf(nodes[i]);
        }
    }

    // Actions

    function register(uint256 n) external {
        Node memory node = nodes[n % NODES];
        bool live = cluster.isClusterMember(node.member);
        Outcome memory outcome = act(node, registerCall(node));
        if (outcome.success) vm.assertFalse(live || barred[n % NODES], "registered twice, or while barred");
    }

    function changeKey(uint256 n, uint256 key) external {
        nodes[n % NODES].wgPubKey = keyOf(key);
    }

    function leave(uint256 n) external {
        if (gated(n, abi.encodeCall(cluster.leave, ()))) barred[n % NODES] = true;
    }

    function publishWgKey(uint256 n, uint256 key) external {
        gated(n, abi.encodeCall(cluster.publishWgKey, keyOf(key)));
    }

    function publishEd25519Key(uint256 n, uint256 key) external {
        gated(n, abi.encodeCall(cluster.publishEd25519Key, keyOf(key)));
    }

    function send(uint256 from, uint256 to, uint256 envelope) external {
        bytes32 id = keyOf(envelope);
        bytes32 recipient = ids[to % NODES];
        bool receives = cluster.memberById(recipient).registeredAt != 0;
        bool sent = gated(from, abi.encodeCall(cluster.send, (recipient, id, new bytes(48))));
        if (!sent) return;
        vm.assertTrue(receives, "sent to a removed member");
        vm.assertEq(senderSeen[recipient][id], 0, "an envelope id used twice");
        senderSeen[recipient][id] = ids[from % NODES];
    }

    function setCskCommitment(uint256 n, uint256 value) external {
        gated(n, abi.encodeCall(cluster.setCskCommitment, keyOf(value)));
    }

    function commitCsk(uint256 n, uint256 generation, uint256 value) external {
        uint32 target = uint32(clamp(generation, 0, uint256(cluster.cskGeneration()) + 2));
        // mostly fresh values, or the few would soon be used up
        bytes32 commitment = value % 3 == 0 ? keyOf(value) : keccak256(abi.encode("fresh", value));
        gated(n, abi.encodeCall(cluster.commitCsk, (target, commitment)));
    }

    function requestRotation() external {
        tryAsOwner(abi.encodeCall(cluster.requestCskRotation, ()));
    }

    function remove(uint256 n) external {
        if (tryAsOwner(abi.encodeCall(cluster.removeMember, ids[n % NODES]))) barred[n % NODES] = true;
    }

    function readmit(uint256 n) external {
        if (tryAsOwner(abi.encodeCall(cluster.readmitMember, ids[n % NODES]))) barred[n % NODES] = false;
    }

    function pass(uint256 time) external {
        time = clamp(time, 1, 1 days);
        vm.warp(block.timestamp + time);
        vm.roll(block.number + time / 2 + 1);
    }

    // Checks

    /// @dev Everything that must hold after every call.
    function check() external {
        uint256 live;
        for (uint256 i; i < NODES; ++i) {
            checkAccount(nodes[i]);
            if (checkMember(nodes[i], ids[i], barred[i])) ++live;
        }
        vm.assertEq(cluster.memberCount(), live, "member count");
        vm.assertEq(cluster.listMembers().length, live, "member list");
        checkOrder();
        checkKeys();
        checkGenerations();
    }

    function checkAccount(Node memory node) private {
        address owner = memberOwner(node.member);
        address seen = ownerSeen[node.member];
        vm.assertTrue(seen == address(0) || owner == seen, "an owner changed");
        ownerSeen[node.member] = owner;
    }

    function checkMember(Node memory node, bytes32 id, bool isBarred) private returns (bool live) {
        checkFixed(id);
        Member memory record = cluster.memberById(id);
        live = record.registeredAt != 0;
        vm.assertEq(cluster.isClusterMember(node.member), live, "record and gate agree");
        vm.assertEq(cluster.memberIdOf(node.member), live ? id : bytes32(0), "memberIdOf");
        if (!live) {
            vm.assertEq(record.memberContract, address(0), "memberById of a removed one");
            vm.assertEq(cluster.memberOf(node.member).memberContract, address(0), "memberOf of a removed one");
            vm.assertEq(cluster.xPubKeyOf(id), 0, "xPubKeyOf of a removed one");
            vm.assertEq(cluster.wgPubKeyOf(id), 0, "wgPubKeyOf of a removed one");
            vm.assertEq(cluster.ed25519KeyOf(id), 0, "ed25519KeyOf of a removed one");
        }
        vm.assertFalse(live && isBarred, "a removed member is current");
        // a stranger that never registered is on no list here either
        vm.assertEq(boots(node), !isBarred && indexPlusOneSeen[id] != 0, "who boots");
    }

    /// @dev Index and address, once given, are this member's for ever.
    function checkFixed(bytes32 id) private {
        uint256 known = indexPlusOneSeen[id];
        try cluster.indexOf(id) returns (uint32 index) {
            vm.assertTrue(known == 0 || known == index + 1, "an index moved");
            vm.assertEq(cluster.memberAt(index), id, "memberAt");
            indexPlusOneSeen[id] = uint256(index) + 1;
            uint32 ip = cluster.meshIpOf(id);
            vm.assertTrue(holderSeen[ip] == 0 || holderSeen[ip] == id, "an address given twice");
            holderSeen[ip] = id;
        } catch {
            vm.assertEq(known, 0, "a member vanished");
        }
    }

    function checkOrder() private view {
        bytes32[] memory list = cluster.listMembers();
        for (uint256 i = 1; i < list.length; ++i) {
            vm.assertTrue(cluster.indexOf(list[i - 1]) < cluster.indexOf(list[i]), "registration order");
        }
    }

    function checkKeys() private view {
        for (uint256 i; i < NODES; ++i) {
            bytes32 key = cluster.wgPubKeyOf(ids[i]);
            for (uint256 j; j < i; ++j) {
                vm.assertTrue(
                    key == 0 || key != cluster.wgPubKeyOf(ids[j]), "two members share a WireGuard key"
                );
            }
        }
    }

    function checkGenerations() private {
        uint32 committed = cluster.cskGeneration();
        uint32 requested = cluster.cskRequestedGeneration();
        vm.assertTrue(requested == committed || requested == committed + 1, "more than one rotation pending");
        vm.assertEq(cluster.cskCommitment(), cluster.cskCommitmentAt(committed), "the newest");
        vm.assertEq(cluster.cskCommitmentAt(committed + 1), 0, "an uncommitted generation");
        for (uint32 generation = 1; generation <= committed; ++generation) {
            bytes32 commitment = cluster.cskCommitmentAt(generation);
            vm.assertTrue(commitment != 0, "a generation without a commitment");
            bytes32 seen = commitmentSeen[generation];
            vm.assertTrue(seen == 0 || seen == commitment, "a commitment changed");
            uint32 user = generationSeen[commitment];
            vm.assertTrue(user == 0 || user == generation, "a commitment repeats");
            (commitmentSeen[generation], generationSeen[commitment]) = (commitment, generation);
            vm.assertTrue(indexPlusOneSeen[cluster.cskCommitterOf(generation)] != 0, "no committer");
        }
    }

    // Helpers

    /// @dev A member's call. Whoever is not a member at this moment must fail; whoever has no owner yet cannot even
    ///      ask, and the EntryPoint's refusal of those is another test's subject.
    function gated(uint256 n, bytes memory call) private returns (bool success) {
        Node memory node = nodes[n % NODES];
        if (memberOwner(node.member) == address(0)) return false;
        bool live = cluster.isClusterMember(node.member);
        success = act(node, call).success;
        vm.assertTrue(live || !success, "a removed member passed a gate");
    }

    function tryAsOwner(bytes memory call) private returns (bool success) {
        vm.prank(OWNER);
        (success,) = address(cluster).call(call);
    }

    function keyOf(uint256 seed) private pure returns (bytes32) {
        return keccak256(abi.encode("value", seed % VALUES));
    }

    function boots(Node memory node) private view returns (bool allowed) {
        AppBootInfo memory info;
        info.appId = node.member;
        info.composeHash = COMPOSE_HASH;
        info.deviceId = DEVICE;
        (allowed,) = cluster.isAppAllowed(info);
    }
}
