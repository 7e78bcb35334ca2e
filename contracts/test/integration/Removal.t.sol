// SPDX-License-Identifier: MIT
// Leaving, removal, readmission and return, with operations of the member pending at the worst moments.
pragma solidity 0.8.30;

import {AppBootInfo} from "../../src/types/DstackTypes.sol";
import "../../src/types/Errors.sol";
import {MemberView} from "../../src/types/MemberTypes.sol";
import {PackedUserOperation} from "../../src/types/UserOperation.sol";
import {Chain, Node} from "../utils/Chain.sol";

contract RemovalTest is Chain {
    event MemberRemoved(bytes32 indexed memberId, address indexed by);
    event MemberReadmitted(bytes32 indexed memberId, address indexed by);

    Node internal first;
    Node internal second;

    function setUp() public override {
        super.setUp();
        first = registered(1);
        second = registered(2);
    }

    function test_onlyTheClusterOwnerRemoves() public {
        bytes memory call = abi.encodeCall(cluster.removeMember, idOf(first));
        expectActRevert(NotClusterOwner.selector, second, call);
        vm.expectEmit(address(cluster));
        emit MemberRemoved(idOf(first), OWNER);
        onlyBy(OWNER, NotClusterOwner.selector, address(cluster), call);
        vm.assertFalse(cluster.isClusterMember(first.member), "removed");
    }

    function test_removingAStrangerOrTwiceIsRefused() public {
        bytes memory refusal = abi.encodePacked(NotClusterMember.selector);
        expectOwnerRevert(
            OWNER, refusal, address(cluster), abi.encodeCall(cluster.removeMember, keccak256("no"))
        );
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        expectOwnerRevert(OWNER, refusal, address(cluster), abi.encodeCall(cluster.removeMember, idOf(first)));
    }

    function test_aRemovedMemberAskingEveryGetter() public {
        mustAct(first, abi.encodeCall(cluster.publishEd25519Key, keccak256("ed")));
        uint32 ip = cluster.meshIpOf(idOf(first));
        bytes16 ip6 = cluster.meshIp6Of(idOf(first));
        vm.warp(block.timestamp + 60);
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        bytes32 id = idOf(first);

        vm.assertFalse(cluster.isClusterMember(first.member), "isClusterMember");
        vm.assertEq(cluster.memberIdOf(first.member), 0, "memberIdOf");
        vm.assertEq(cluster.memberOf(first.member).memberContract, address(0), "memberOf");
        vm.assertEq(cluster.memberById(id).memberContract, address(0), "memberById");
        vm.assertEq(cluster.memberById(id).registeredAt, 0, "memberById time");
        vm.assertEq(cluster.xPubKeyOf(id), 0, "xPubKeyOf");
        vm.assertEq(cluster.wgPubKeyOf(id), 0, "wgPubKeyOf");
        vm.assertEq(cluster.ed25519KeyOf(id), 0, "ed25519KeyOf");
        vm.assertEq(cluster.memberCount(), 1, "memberCount");
        vm.assertEq(cluster.listMembers().length, 1, "listMembers");
        vm.assertEq(cluster.listMembers()[0], idOf(second), "the other one");

        vm.assertEq(cluster.registeredCount(), 2, "registeredCount");
        vm.assertEq(cluster.indexOf(id), 0, "indexOf");
        vm.assertEq(cluster.memberAt(0), id, "memberAt");
        vm.assertEq(cluster.meshIpOf(id), ip, "meshIpOf");
        vm.assertEq(bytes32(cluster.meshIp6Of(id)), bytes32(ip6), "meshIp6Of");
        (MemberView[] memory page, uint32 next) = cluster.members(0, 10);
        vm.assertEq(next, 0, "one page");
        vm.assertEq(page.length, 2, "both rows");
        vm.assertEq(page[0].removedAt, block.timestamp, "removedAt");
        vm.assertEq(page[0].wgPubKey, first.wgPubKey, "record kept");
        vm.assertEq(page[0].ed25519Key, keccak256("ed"), "record kept");
        vm.assertEq(page[1].removedAt, 0, "the other is current");
    }

    function test_aRemovedMemberPassesNoGate() public {
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        bytes4 refusal = NotClusterMember.selector;
        expectActRevert(
            refusal, first, abi.encodeCall(cluster.send, (idOf(second), keccak256("e"), new bytes(48)))
        );
        expectActRevert(refusal, first, abi.encodeCall(cluster.publishWgKey, keccak256("k")));
        expectActRevert(refusal, first, abi.encodeCall(cluster.publishEd25519Key, keccak256("k")));
        expectActRevert(refusal, first, abi.encodeCall(cluster.leave, ()));
        expectActRevert(refusal, first, abi.encodeCall(cluster.commitCsk, (1, keccak256("c"))));
        expectActRevert(
            NotOriginator.selector, first, abi.encodeCall(cluster.setCskCommitment, keccak256("c"))
        );
        expectActRevert(MemberBarred.selector, first, registerCall(first));
        expectActRevert(
            RecipientNotMember.selector,
            second,
            abi.encodeCall(cluster.send, (idOf(first), keccak256("e"), new bytes(48)))
        );
        assertGate(first.member, false, "member removed");
    }

    function test_removalWhileAnOperationIsPending() public {
        PackedUserOperation memory pending =
            operation(first, abi.encodeCall(cluster.send, (idOf(second), keccak256("late"), new bytes(48))));
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        vm.assertEq(
            handle(pending).revertData, abi.encodePacked(NotClusterMember.selector), "refused in execution"
        );
        vm.assertEq(cluster.envelopeSenderOf(idOf(second), keccak256("late")), 0, "nothing was sent");
    }

    function test_leaveAndReadmissionUpToBootingAndRegisteringAgain() public {
        asClusterOwner(abi.encodeCall(cluster.addAllowedAppId, first.member));
        mustAct(first, abi.encodeCall(cluster.publishEd25519Key, keccak256("ed")));
        MemberView memory before = row(0);
        mustAct(first, abi.encodeCall(cluster.leave, ()));
        assertGate(first.member, false, "member removed");

        vm.expectEmit(address(cluster));
        emit MemberReadmitted(idOf(first), OWNER);
        onlyBy(
            OWNER,
            NotClusterOwner.selector,
            address(cluster),
            abi.encodeCall(cluster.readmitMember, idOf(first))
        );
        assertGate(first.member, true, "");
        vm.assertFalse(cluster.isClusterMember(first.member), "not a member yet");
        expectActRevert(NotClusterMember.selector, first, abi.encodeCall(cluster.leave, ()));

        vm.warp(block.timestamp + 1000);
        vm.roll(block.number + 500);
        first.xPubKey = keccak256("new x");
        first.wgPubKey = keccak256("new wg");
        register(first);
        MemberView memory afterwards = row(0);
        vm.assertEq(afterwards.memberId, before.memberId, "id");
        vm.assertEq(afterwards.index, before.index, "index");
        vm.assertEq(afterwards.meshIp, before.meshIp, "IPv4 address");
        vm.assertEq(bytes32(afterwards.meshIp6), bytes32(before.meshIp6), "IPv6 address");
        vm.assertEq(afterwards.registeredBlock, before.registeredBlock, "first block");
        vm.assertEq(afterwards.registeredAt, block.timestamp, "new time");
        vm.assertEq(afterwards.removedAt, 0, "current");
        vm.assertEq(afterwards.xPubKey, first.xPubKey, "new x25519 key");
        vm.assertEq(afterwards.wgPubKey, first.wgPubKey, "new WireGuard key");
        vm.assertEq(afterwards.ed25519Key, 0, "the beat key is published anew");
        vm.assertEq(cluster.registeredCount(), 2, "no new index");
        vm.assertEq(cluster.listMembers()[0], idOf(first), "in its old place");
    }

    function test_readmittingWhoIsNotBarredIsRefused() public {
        bytes memory call = abi.encodeCall(cluster.readmitMember, idOf(first));
        expectOwnerRevert(OWNER, abi.encodePacked(NotBarred.selector), address(cluster), call);
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        asClusterOwner(call);
        expectOwnerRevert(OWNER, abi.encodePacked(NotBarred.selector), address(cluster), call);
        expectOwnerRevert(
            OWNER,
            abi.encodePacked(NotClusterMember.selector),
            address(cluster),
            abi.encodeCall(cluster.readmitMember, keccak256("nobody"))
        );
    }

    function test_aReadmissionCanBeTakenBackBeforeTheReturn() public {
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(first)));
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        expectActRevert(MemberBarred.selector, first, registerCall(first));
        assertGate(first.member, false, "member removed");
        vm.assertEq(cluster.memberCount(), 1, "counted once");
    }

    function test_theRemovedMembersAddressIsGivenToNobodyElse() public {
        uint32 ip = cluster.meshIpOf(idOf(first));
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        for (uint256 i = 3; i < 12; ++i) {
            vm.assertTrue(cluster.meshIpOf(idOf(registered(i))) != ip, "address given twice");
        }
    }

    function test_theReturningMembersOwnerStays() public {
        address owner = memberOwner(first.member);
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(first)));
        register(first);
        vm.assertEq(memberOwner(first.member), owner, "same owner");
    }

    function test_theRemovedMembersKeyIsFreeForOthers() public {
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        mustAct(second, abi.encodeCall(cluster.publishWgKey, first.wgPubKey));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(first)));
        // a registration beats a publication
        register(first);
        vm.assertEq(cluster.wgPubKeyOf(idOf(second)), 0, "taken from the publisher");
        vm.assertEq(cluster.wgPubKeyOf(idOf(first)), first.wgPubKey, "back with its owner");
    }

    function row(uint32 index) internal view returns (MemberView memory) {
        (MemberView[] memory page,) = cluster.members(index, 1);
        return page[0];
    }

    function assertGate(address app, bool allowed, string memory reason) internal view {
        AppBootInfo memory info;
        info.appId = app;
        info.composeHash = COMPOSE_HASH;
        info.deviceId = DEVICE;
        (bool answer, string memory why) = cluster.isAppAllowed(info);
        vm.assertEq(answer, allowed, "gate");
        vm.assertEq(why, reason, "reason");
    }
}
