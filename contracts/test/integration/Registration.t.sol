// SPDX-License-Identifier: MIT
// Registration by the dstack attestor, end to end through the EntryPoint: what is written, and every check in order.
pragma solidity 0.8.30;

import {DstackProof} from "../../src/types/DstackTypes.sol";
import "../../src/types/Errors.sol";
import {Member} from "../../src/types/MemberTypes.sol";
import {PackedUserOperation} from "../../src/types/UserOperation.sol";
import {Stranger} from "../utils/Base.sol";
import {Chain, Node, Outcome} from "../utils/Chain.sol";
import {Vm} from "../utils/Vm.sol";

contract RegistrationTest is Chain {
    function test_aNodeRegistersInOneSponsoredOperation() public {
        Node memory node = newNode(1);
        bytes32 id = register(node);
        Member memory member = cluster.memberOf(node.member);
        vm.assertEq(member.attestorId, DSTACK_ID, "attestor");
        vm.assertEq(member.memberContract, node.member, "contract");
        vm.assertEq(member.xPubKey, node.xPubKey, "x25519 key");
        vm.assertEq(member.wgPubKey, node.wgPubKey, "WireGuard key");
        vm.assertEq(member.registeredAt, block.timestamp, "time");
        vm.assertEq(abi.encode(cluster.memberById(id)), abi.encode(member), "by id");
        vm.assertEq(cluster.xPubKeyOf(id), node.xPubKey, "x25519 getter");
        vm.assertEq(cluster.wgPubKeyOf(id), node.wgPubKey, "WireGuard getter");
        vm.assertTrue(cluster.isClusterMember(node.member), "is a member");
        vm.assertEq(cluster.memberCount(), 1, "count");
        vm.assertEq(cluster.registeredCount(), 1, "registered");
        vm.assertEq(cluster.indexOf(id), 0, "index");
        vm.assertEq(cluster.memberAt(0), id, "by index");
    }

    function test_registrationEmitsItsEventsInOrder() public {
        Node memory node = newNode(1);
        Outcome memory outcome = mustAct(node, registerCall(node));
        bytes32[3] memory expected = [
            keccak256("MemberRegistered(bytes32,address,bytes32,bytes32,bytes32)"),
            keccak256("WgKeyPublished(bytes32,bytes32)"),
            keccak256("DstackMemberRegistered(bytes32,bytes32,address)")
        ];
        uint256 next;
        for (uint256 i; i < outcome.logs.length; ++i) {
            Vm.Log memory log = outcome.logs[i];
            if (log.emitter != address(cluster)) continue;
            vm.assertEq(log.topics[0], expected[next++], "event");
            vm.assertEq(log.topics[1], idOf(node), "member id");
        }
        vm.assertEq(next, 3, "three events");
    }

    function test_twoNodesRegisterInOneBundle() public {
        Node[2] memory nodes = [newNode(1), newNode(2)];
        PackedUserOperation[] memory ops = new PackedUserOperation[](2);
        for (uint256 i; i < 2; ++i) {
            ops[i] = operation(nodes[i], registerCall(nodes[i]));
        }
        Outcome[] memory outcomes = handleAll(ops);
        for (uint256 i; i < 2; ++i) {
            assertSuccess(outcomes[i]);
            vm.assertEq(cluster.memberAt(uint32(i)), idOf(nodes[i]), "order of the bundle");
        }
    }

    function test_aNodeUnderTheSharedNonceKeyRegisters() public {
        Node memory node = newNode(1);
        PackedUserOperation memory op = unsignedOperation(node.member, 0, executeCall(registerCall(node)));
        sponsor(op);
        signOperation(op, node.ownerKey);
        assertSuccess(handle(op));
    }

    function test_anOperationThatCostsNothingNeedsNoPaymaster() public {
        Node memory node = newNode(1);
        PackedUserOperation memory op = unsignedOperation(
            node.member, uint192(uint160(vm.addr(node.ownerKey))), executeCall(registerCall(node))
        );
        op.gasFees = 0;
        signOperation(op, node.ownerKey);
        assertSuccess(handle(op));
    }

    function test_aMemberCannotRegisterTwice() public {
        Node memory node = registered(1);
        expectActRevert(AlreadyRegistered.selector, node, registerCall(node));
    }

    function test_nobodyElsePresentsAProof() public {
        Node memory node = newNode(1);
        expectRevert(CallerNotMember.selector, address(cluster), registerCall(node));
    }

    function test_aForeignContractIsNotOurs() public {
        Node memory node = foreignNode(77);
        expectActRevert(NotOurMember.selector, node, registerCall(node));
    }

    function test_anAllowlistedAppRegistersWithoutTheFactory() public {
        Node memory node = foreignNode(77);
        asClusterOwner(abi.encodeCall(cluster.addAllowedAppId, node.member));
        register(node);
        vm.assertTrue(cluster.isClusterMember(node.member), "registered");
    }

    function test_eachFieldOfTheProofIsBound() public {
        Node memory node = newNode(1);
        DstackProof memory good =
            makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, PURPOSE);

        DstackProof memory bad = copy(good);
        bad.codeId |= bytes32(uint256(1));
        expectActRevert(CodeIdMismatch.selector, node, registerCallFor(node, bad));

        bad = copy(good);
        bad.messageHash = keccak256("another");
        expectActRevert(BindingMismatch.selector, node, registerCallFor(node, bad));

        bad = copy(good);
        bad.purpose = "attestmesh.binding.v2";
        expectActRevert(WrongPurpose.selector, node, registerCallFor(node, bad));

        bad = copy(good);
        bad.derivedCompressedPubkey = bytes.concat(good.derivedCompressedPubkey, hex"00");
        expectActRevert(InvalidPubKeyLength.selector, node, registerCallFor(node, bad));

        bad = copy(good);
        bad.appCompressedPubkey = hex"02";
        expectActRevert(InvalidPubKeyLength.selector, node, registerCallFor(node, bad));

        // the binding must be by the derived key: here by the app key, which also signed the operation
        bad = copy(good);
        node.ownerKey = appKey(node.member);
        bad.messageSignature = sign27(node.ownerKey, eip191(good.messageHash));
        expectActRevert(InvalidSigChain.selector, node, registerCallFor(node, bad));
    }

    function test_anUnlistedRootIsRefusedLikeABrokenChain() public {
        Node memory node = newNode(1);
        asClusterOwner(abi.encodeCall(cluster.removeAllowedKmsRoot, KMS_ROOT));
        expectActRevert(InvalidSigChain.selector, node, registerCall(node));
    }

    function test_zeroKeysAreRefused() public {
        Node memory node = newNode(1);
        node.xPubKey = 0;
        expectActRevert(ZeroKey.selector, node, registerCall(node));
        node = newNode(2);
        node.wgPubKey = 0;
        expectActRevert(ZeroKey.selector, node, registerCall(node));
    }

    function test_aMemberOfAnotherClusterCannotRegisterHere() public {
        Node memory node = newNodeOf(deployCluster(16, bytes32(uint256(1))), 1);
        // its account takes no owner from a cluster it does not name; the operation fails in validation already
        expectRefused(operation(node, registerCall(node)), "AA24 signature error");
    }

    function test_legacyRegistrationIsOffUntilTheOwnerTurnsItOn() public {
        Node memory node = newNode(1);
        bytes memory call = registerCallFor(
            node, makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, "ethereum")
        );
        expectActRevert(WrongPurpose.selector, node, call);
        expectRevert(CallerNotMember.selector, address(cluster), call);
        onlyBy(
            OWNER,
            NotClusterOwner.selector,
            address(cluster),
            abi.encodeCall(cluster.setAllowLegacyRegistration, true)
        );
        vm.assertTrue(cluster.allowLegacyRegistration(), "turned on");
        // upstream's scripts present the proof from any account
        (bool success,) = new Stranger().call(address(cluster), call);
        vm.assertTrue(success && cluster.isClusterMember(node.member), "registered by a script");
        vm.assertEq(memberOwner(node.member), vm.addr(node.ownerKey), "owner installed");
    }

    function test_legacyRegistrationDoesNotBringARemovedMemberBack() public {
        Node memory node = registered(1);
        asClusterOwner(abi.encodeCall(cluster.setAllowLegacyRegistration, true));
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(node)));
        expectRevert(CallerNotMember.selector, address(cluster), registerCall(node));
        expectActRevert(MemberBarred.selector, node, registerCall(node));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(node)));
        expectRevert(CallerNotMember.selector, address(cluster), registerCall(node));
    }

    function test_otherPurposesStayRefusedUnderLegacy() public {
        asClusterOwner(abi.encodeCall(cluster.setAllowLegacyRegistration, true));
        Node memory node = newNode(1);
        DstackProof memory proof =
            makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, "mainnet");
        expectActRevert(WrongPurpose.selector, node, registerCallFor(node, proof));
    }

    /// @dev A member that returns has an owner, so its account lets every proof through and the cluster alone judges.
    function test_everyFlippedByteOfAProofIsRefused() public {
        Node memory node = returningNode();
        DstackProof memory good =
            makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, PURPOSE);
        for (uint256 part; part < 6; ++part) {
            bytes memory bytesOfPart = partOf(good, part);
            for (uint256 i; i < bytesOfPart.length; ++i) {
                // in place: the part is a reference into the proof
                bytesOfPart[i] ^= 0x01;
                vm.assertFalse(act(node, registerCallFor(node, good)).success, "a flipped byte was accepted");
                bytesOfPart[i] ^= 0x01;
            }
        }
        assertSuccess(act(node, registerCallFor(node, good)));
    }

    function test_everyEncodingOfVAndNoOther() public {
        Node memory node = returningNode();
        for (uint256 v; v < 256; ++v) {
            DstackProof memory proof =
                makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, PURPOSE);
            uint8 good = uint8(proof.messageSignature[64]);
            if (v == good || v == good - 27) continue;
            proof.messageSignature[64] = bytes1(uint8(v));
            expectActRevert(InvalidSigChain.selector, node, registerCallFor(node, proof));
        }
        DstackProof memory last =
            makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, PURPOSE);
        last.messageSignature[64] = bytes1(uint8(last.messageSignature[64]) - 27);
        last.appSignature[64] = bytes1(uint8(last.appSignature[64]) + 27);
        last.kmsSignature[64] = bytes1(uint8(last.kmsSignature[64]) + 27);
        assertSuccess(act(node, registerCallFor(node, last)));
    }

    function test_theHighTwinOfABindingIsRefused() public {
        Node memory node = returningNode();
        DstackProof memory proof =
            makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, PURPOSE);
        (bytes32 r, bytes32 s) = abi.decode(proof.messageSignature, (bytes32, bytes32));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        uint8 v = uint8(proof.messageSignature[64]);
        proof.messageSignature = abi.encodePacked(r, order - uint256(s), 55 - v);
        expectActRevert(InvalidSigChain.selector, node, registerCallFor(node, proof));
    }

    function returningNode() internal returns (Node memory node) {
        node = registered(1);
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(node)));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(node)));
    }

    function partOf(DstackProof memory proof, uint256 part) internal pure returns (bytes memory) {
        if (part == 0) return proof.messageSignature;
        if (part == 1) return proof.appSignature;
        if (part == 2) return proof.kmsSignature;
        if (part == 3) return proof.derivedCompressedPubkey;
        if (part == 4) return proof.appCompressedPubkey;
        return bytes(proof.purpose);
    }

    function copy(DstackProof memory proof) internal pure returns (DstackProof memory) {
        return abi.decode(abi.encode(proof), (DstackProof));
    }
}
