// SPDX-License-Identifier: MIT
// The wire, pinned on a running cluster with literal values: raw selectors in, raw words out, raw topics, and the
// preimages. contracts/test/abi.mjs compares the compiled ABI with the whole list of tests/abi/contracts.json.
pragma solidity 0.8.30;

import {BindingLib} from "../../src/libraries/BindingLib.sol";
import {Chain, Node, Outcome} from "../utils/Chain.sol";
import {Vm} from "../utils/Vm.sol";

contract AbiTest is Chain {
    bytes32 internal constant DSTACK = 0x49312ee10ef6f441b43bb7d7d5893eda9cf6b9d9a6833ff8dc18ebea3b6a99b1;
    address internal constant CLUSTER = 0x1111111111111111111111111111111111111111;
    address internal constant MEMBER = 0x2222222222222222222222222222222222222222;
    bytes32 internal constant X_KEY = 0x3333333333333333333333333333333333333333333333333333333333333333;
    bytes32 internal constant WG_KEY = 0x4444444444444444444444444444444444444444444444444444444444444444;

    function test_theWordsOfARecord() public {
        Node memory node = registered(1);
        bytes memory answer = ask(abi.encodeWithSelector(0x3b4c9891, node.member)); // memberOf
        vm.assertEq(answer.length, 5 * 32, "five words");
        vm.assertEq(word(answer, 0), DSTACK, "attestorId");
        vm.assertEq(word(answer, 1), bytes32(uint256(uint160(node.member))), "memberContract");
        vm.assertEq(word(answer, 2), node.xPubKey, "xPubKey");
        vm.assertEq(word(answer, 3), node.wgPubKey, "wgPubKey");
        vm.assertEq(word(answer, 4), bytes32(block.timestamp), "registeredAt");
    }

    function test_theWordsOfAPage() public {
        Node memory node = registered(1);
        mustAct(node, abi.encodeCall(cluster.publishEd25519Key, X_KEY));
        vm.warp(block.timestamp + 9);
        mustAct(node, abi.encodeCall(cluster.leave, ()));
        registered(2);
        bytes memory answer = ask(abi.encodeWithSelector(0x95ee6ec8, 0, 1)); // members
        vm.assertEq(answer.length, (2 + 1 + 12) * 32, "offset, next, length, twelve words");
        vm.assertEq(uint256(word(answer, 0)), 64, "offset of the page");
        vm.assertEq(uint256(word(answer, 1)), 1, "next");
        vm.assertEq(uint256(word(answer, 2)), 1, "length");
        vm.assertEq(word(answer, 3), idOf(node), "memberId");
        vm.assertEq(word(answer, 4), bytes32(uint256(uint160(node.member))), "memberContract");
        vm.assertEq(uint256(word(answer, 5)), 0, "index");
        vm.assertEq(word(answer, 6), DSTACK, "attestorId");
        vm.assertEq(word(answer, 7), node.xPubKey, "xPubKey");
        vm.assertEq(word(answer, 8), node.wgPubKey, "wgPubKey");
        vm.assertEq(word(answer, 9), X_KEY, "ed25519Key");
        vm.assertEq(uint256(word(answer, 10)), cluster.meshIpOf(idOf(node)), "meshIp");
        vm.assertEq(word(answer, 11), bytes32(cluster.meshIp6Of(idOf(node))), "meshIp6");
        vm.assertEq(uint256(word(answer, 12)), block.timestamp - 9, "registeredAt");
        vm.assertEq(uint256(word(answer, 13)), block.timestamp, "removedAt");
        vm.assertEq(uint256(word(answer, 14)), block.number, "registeredBlock");
    }

    function test_pagesEndWithZero() public {
        for (uint256 i; i < 3; ++i) {
            registered(i);
        }
        assertPage(0, 2, 2, 2);
        assertPage(2, 2, 1, 0);
        assertPage(0, 3, 3, 0);
        assertPage(0, type(uint32).max, 3, 0);
        assertPage(3, 1, 0, 0);
        assertPage(type(uint32).max, type(uint32).max, 0, 0);
        assertPage(1, 0, 0, 1);
        assertPage(0, 0, 0, 0);
    }

    function test_indicesThatNeverWereAreRefused() public {
        bytes memory refusal = hex"1a54e5e1";
        expectRevert(refusal, address(cluster), abi.encodeCall(cluster.memberAt, 0));
        expectRevert(refusal, address(cluster), abi.encodeCall(cluster.indexOf, X_KEY));
        vm.assertEq(cluster.memberById(X_KEY).registeredAt, 0, "an unknown record");
        vm.assertEq(cluster.xPubKeyOf(X_KEY), 0, "an unknown key");
        vm.assertEq(cluster.wgPubKeyOf(X_KEY), 0, "an unknown key");
        vm.assertEq(cluster.ed25519KeyOf(X_KEY), 0, "an unknown key");
    }

    function test_anUnregisteredIdsAddressIsItsFirstChoice() public view {
        uint32 ip = cluster.meshIpOf(bytes32(uint256(1)));
        // 10.13.0.0/16, as in upstream's tests
        vm.assertEq(ip, 168_656_109, "id 1");
    }

    function test_theTopicsAndWordsOfARegistration() public {
        Node memory node = newNode(1);
        Vm.Log[] memory logs = mustAct(node, registerCall(node)).logs;
        bool seen;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != 0x037e8a34abcb145eb3b9d4e5a283866981a1fc2f024495dd30af21164b64c79a) {
                continue;
            }
            seen = true;
            vm.assertEq(logs[i].topics.length, 4, "three indexed");
            vm.assertEq(logs[i].topics[1], idOf(node), "memberId");
            vm.assertEq(logs[i].topics[2], bytes32(uint256(uint160(node.member))), "memberContract");
            vm.assertEq(logs[i].topics[3], DSTACK, "attestorId");
            vm.assertEq(logs[i].data, abi.encodePacked(node.xPubKey, node.wgPubKey), "keys");
        }
        vm.assertTrue(seen, "the topic of MemberRegistered");
    }

    function test_thePreimagesFromLiteralWords() public pure {
        vm.assertEq(
            BindingLib.dstack(CLUSTER, MEMBER, X_KEY, WG_KEY),
            0x1245023a99f2c658ba4d2c22e5ebc259ebbeb7819210ac3ec732782a6e3c7e58,
            "dstack binding"
        );
        vm.assertEq(
            BindingLib.operator(
                CLUSTER, MEMBER, X_KEY, WG_KEY, 0x5555555555555555555555555555555555555555, 1_763_700_000
            ),
            0x816af7563d8a62896cbac09ac7789bf5afec54a89d1cdfce9e424302cb049acf,
            "operator binding"
        );
    }

    function test_theAttestorsNameThemselves() public view {
        vm.assertEq(dstackFacet.attestorId(), DSTACK, "dstack");
        vm.assertEq(operatorFacet.attestorId(), keccak256("attestmesh.attestor.operator"), "operator");
    }

    function assertPage(uint32 from, uint32 max, uint256 length, uint32 next) internal view {
        bytes memory answer = ask(abi.encodeWithSelector(0x95ee6ec8, from, max));
        vm.assertEq(uint256(word(answer, 1)), next, "next");
        vm.assertEq(uint256(word(answer, 2)), length, "rows");
    }

    function ask(bytes memory call) internal view returns (bytes memory) {
        (bool success, bytes memory answer) = address(cluster).staticcall(call);
        vm.assertTrue(success, "the call reverted");
        return answer;
    }

    function word(bytes memory data, uint256 n) internal pure returns (bytes32 value) {
        require(data.length >= 32 * (n + 1), "short answer");
        assembly ("memory-safe") {
            value := mload(add(add(data, 0x20), mul(n, 0x20)))
        }
    }
}
