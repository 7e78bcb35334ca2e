// SPDX-License-Identifier: MIT
// Registration by the dstack attestor, end to end through the EntryPoint.
pragma solidity 0.8.30;

import {Member} from "../../src/types/MemberTypes.sol";
import {Chain, Node, Outcome} from "../utils/Chain.sol";

contract RegistrationTest is Chain {
    function test_aNodeRegistersInOneSponsoredOperation() public {
        Node memory node = newNode(1);
        register(node);
        Member memory member = cluster.memberOf(node.member);
        vm.assertEq(member.attestorId, DSTACK_ID, "attestor");
        vm.assertEq(member.memberContract, node.member, "contract");
        vm.assertEq(member.xPubKey, node.xPubKey, "x25519 key");
        vm.assertEq(member.wgPubKey, node.wgPubKey, "WireGuard key");
        vm.assertEq(member.registeredAt, block.timestamp, "time");
    }
}
