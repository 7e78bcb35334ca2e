// SPDX-License-Identifier: MIT
// Generations of the Cluster Shared Key: who commits which, once, and never the same.
pragma solidity 0.8.30;

import "../../src/types/Errors.sol";
import {Chain, Node} from "../utils/Chain.sol";

contract CskTest is Chain {
    event CskCommitmentSet(bytes32 commitment);
    event CskRotationRequested(uint32 indexed generation);
    event CskCommitted(uint32 indexed generation, bytes32 indexed memberId, bytes32 commitment);

    bytes32 internal constant C1 = keccak256("generation 1");
    bytes32 internal constant C2 = keccak256("generation 2");

    Node internal first;
    Node internal second;

    function setUp() public override {
        super.setUp();
        first = registered(1);
        second = registered(2);
    }

    function test_theOriginatorCommitsGenerationOneOnce() public {
        assertGenerations(0, 0);
        vm.assertEq(cluster.cskCommitment(), 0, "nothing yet");
        vm.assertEq(cluster.cskCommitterOf(1), 0, "nobody yet");
        expectActRevert(NotOriginator.selector, second, abi.encodeCall(cluster.setCskCommitment, C1));
        expectRevert(NotOriginator.selector, address(cluster), abi.encodeCall(cluster.setCskCommitment, C1));
        expectActRevert(ZeroCommitment.selector, first, abi.encodeCall(cluster.setCskCommitment, bytes32(0)));
        // generation 1 emits both events
        vm.expectEmit(address(cluster));
        emit CskCommitmentSet(C1);
        vm.expectEmit(address(cluster));
        emit CskCommitted(1, idOf(first), C1);
        originate();
        assertGenerations(1, 1);
        vm.assertEq(cluster.cskCommitment(), C1, "commitment");
        vm.assertEq(cluster.cskCommitmentAt(1), C1, "by generation");
        vm.assertEq(cluster.cskCommitterOf(1), idOf(first), "committer");
        expectActRevert(CskCommitmentAlreadySet.selector, first, abi.encodeCall(cluster.setCskCommitment, C2));
        expectActRevert(NotOriginator.selector, second, abi.encodeCall(cluster.setCskCommitment, C2));
    }

    function test_generationOneIsNotCommittedAsARotation() public {
        expectActRevert(GenerationNotRequested.selector, first, abi.encodeCall(cluster.commitCsk, (1, C1)));
        expectActRevert(GenerationNotRequested.selector, first, abi.encodeCall(cluster.commitCsk, (0, C1)));
    }

    function test_anOriginatorRemovedBeforeItCommitted() public {
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        assertGenerations(0, 0);
        expectActRevert(NotOriginator.selector, first, abi.encodeCall(cluster.setCskCommitment, C1));
        mustAct(second, abi.encodeCall(cluster.setCskCommitment, C1));
        vm.assertEq(cluster.cskCommitterOf(1), idOf(second), "the next in line");
    }

    function test_aReturnedMemberIsOriginatorAgainByItsIndex() public {
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(first)));
        register(first);
        expectActRevert(NotOriginator.selector, second, abi.encodeCall(cluster.setCskCommitment, C1));
        originate();
    }

    function test_rotationRequestedRacedByTwoCommittedOnce() public {
        originate();
        vm.expectEmit(address(cluster));
        emit CskRotationRequested(2);
        onlyBy(
            OWNER, NotClusterOwner.selector, address(cluster), abi.encodeCall(cluster.requestCskRotation, ())
        );
        assertGenerations(1, 2);
        mustAct(second, abi.encodeCall(cluster.commitCsk, (2, C2)));
        expectActRevert(
            GenerationNotRequested.selector,
            first,
            abi.encodeCall(cluster.commitCsk, (2, keccak256("slower")))
        );
        assertGenerations(2, 2);
        vm.assertEq(cluster.cskCommitment(), C2, "the newest");
        vm.assertEq(cluster.cskCommitmentAt(1), C1, "the old one stays");
        vm.assertEq(cluster.cskCommitterOf(2), idOf(second), "the first to commit");
    }

    function test_aRequestWhileOneIsPendingChangesNothing() public {
        originate();
        asClusterOwner(abi.encodeCall(cluster.requestCskRotation, ()));
        vm.recordLogs();
        asClusterOwner(abi.encodeCall(cluster.requestCskRotation, ()));
        vm.assertEq(vm.getRecordedLogs().length, 0, "no event");
        assertGenerations(1, 2);
    }

    function test_aCommittedGenerationThatNobodyServesIsRotatedOver() public {
        originate();
        asClusterOwner(abi.encodeCall(cluster.requestCskRotation, ()));
        mustAct(second, abi.encodeCall(cluster.commitCsk, (2, C2)));
        asClusterOwner(abi.encodeCall(cluster.requestCskRotation, ()));
        assertGenerations(2, 3);
    }

    function test_noRotationBeforeGenerationOne() public {
        expectOwnerRevert(
            OWNER,
            abi.encodePacked(CskNotCommitted.selector),
            address(cluster),
            abi.encodeCall(cluster.requestCskRotation, ())
        );
    }

    function test_removalAndLeavingImplyARotation() public {
        originate();
        Node memory third = registered(3);
        vm.expectEmit(address(cluster));
        emit CskRotationRequested(2);
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(third)));
        assertGenerations(1, 2);
        mustAct(first, abi.encodeCall(cluster.commitCsk, (2, C2)));
        mustAct(second, abi.encodeCall(cluster.leave, ()));
        assertGenerations(2, 3);
        expectActRevert(
            NotClusterMember.selector, second, abi.encodeCall(cluster.commitCsk, (3, keccak256("3")))
        );
    }

    function test_zeroAndOldCommitmentsAreRefused() public {
        originate();
        asClusterOwner(abi.encodeCall(cluster.requestCskRotation, ()));
        expectActRevert(ZeroCommitment.selector, second, abi.encodeCall(cluster.commitCsk, (2, bytes32(0))));
        expectActRevert(CommitmentReused.selector, second, abi.encodeCall(cluster.commitCsk, (2, C1)));
        mustAct(second, abi.encodeCall(cluster.commitCsk, (2, C2)));
        asClusterOwner(abi.encodeCall(cluster.requestCskRotation, ()));
        expectActRevert(CommitmentReused.selector, second, abi.encodeCall(cluster.commitCsk, (3, C1)));
        expectActRevert(CommitmentReused.selector, second, abi.encodeCall(cluster.commitCsk, (3, C2)));
    }

    function test_aGenerationThatIsNotPendingIsRefused() public {
        originate();
        bytes4 refusal = GenerationNotRequested.selector;
        expectActRevert(refusal, second, abi.encodeCall(cluster.commitCsk, (1, C2)));
        expectActRevert(refusal, second, abi.encodeCall(cluster.commitCsk, (2, C2)));
        asClusterOwner(abi.encodeCall(cluster.requestCskRotation, ()));
        expectActRevert(refusal, second, abi.encodeCall(cluster.commitCsk, (1, C2)));
        expectActRevert(refusal, second, abi.encodeCall(cluster.commitCsk, (3, C2)));
    }

    function test_theOriginatorIsFoundPastAWordOfRemovedMembers() public {
        Node[] memory nodes = new Node[](258);
        vm.pauseGasMetering();
        for (uint256 i = 2; i < 258; ++i) {
            nodes[i] = registered(i + 1);
        }
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(second)));
        for (uint256 i = 2; i < 257; ++i) {
            asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(nodes[i])));
        }
        vm.assertEq(cluster.listMembers()[0], idOf(nodes[257]), "one is left");
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(nodes[100])));
        register(nodes[100]);
        expectActRevert(NotOriginator.selector, nodes[257], abi.encodeCall(cluster.setCskCommitment, C1));
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(nodes[100])));
        mustAct(nodes[257], abi.encodeCall(cluster.setCskCommitment, C1));
        vm.assertEq(cluster.cskCommitterOf(1), idOf(nodes[257]), "originator of index 257");
    }

    function test_aClusterWithoutMembersHasNoOriginator() public {
        mustAct(first, abi.encodeCall(cluster.leave, ()));
        mustAct(second, abi.encodeCall(cluster.leave, ()));
        expectActRevert(NotOriginator.selector, first, abi.encodeCall(cluster.setCskCommitment, C1));
    }

    function originate() internal {
        mustAct(first, abi.encodeCall(cluster.setCskCommitment, C1));
    }

    function assertGenerations(uint32 committed, uint32 requested) internal view {
        vm.assertEq(cluster.cskGeneration(), committed, "committed generation");
        vm.assertEq(cluster.cskRequestedGeneration(), requested, "requested generation");
    }
}
