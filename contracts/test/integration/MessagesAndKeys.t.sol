// SPDX-License-Identifier: MIT
// Envelopes and published keys: gates, bounds, deduplication, and who may have which WireGuard key.
pragma solidity 0.8.30;

import "../../src/types/Errors.sol";
import {Stranger} from "../utils/Base.sol";
import {Chain, Node} from "../utils/Chain.sol";

contract MessagesAndKeysTest is Chain {
    event MessageSent(
        bytes32 indexed senderMemberId,
        bytes32 indexed recipientMemberId,
        bytes32 indexed envelopeId,
        bytes ciphertext
    );
    event WgKeyPublished(bytes32 indexed memberId, bytes32 wgPubKey);
    event Ed25519KeyPublished(bytes32 indexed memberId, bytes32 ed25519Key);

    bytes32 internal constant ENVELOPE = keccak256("envelope");
    bytes32 internal constant KEY = keccak256("some key");

    Node internal first;
    Node internal second;

    function setUp() public override {
        super.setUp();
        first = registered(1);
        second = registered(2);
    }

    function test_anEnvelopeCarriesItsAuthenticatedSender() public {
        bytes memory box = abi.encodePacked(keccak256("a"), keccak256("b"));
        vm.expectEmit(address(cluster));
        emit MessageSent(idOf(first), idOf(second), ENVELOPE, box);
        mustAct(first, abi.encodeCall(cluster.send, (idOf(second), ENVELOPE, box)));
        vm.assertEq(cluster.envelopeSenderOf(idOf(second), ENVELOPE), idOf(first), "sender");
    }

    function test_anEnvelopeIdIsUsedOncePerRecipient() public {
        send(first, second, 48);
        expectActRevert(
            DuplicateEnvelope.selector,
            first,
            abi.encodeCall(cluster.send, (idOf(second), ENVELOPE, new bytes(48)))
        );
        // under another recipient it is another envelope
        mustAct(second, abi.encodeCall(cluster.send, (idOf(first), ENVELOPE, new bytes(48))));
    }

    function test_copyingAnEnvelopeIdShowsWhoCopied() public {
        Node memory thief = registered(3);
        mustAct(thief, abi.encodeCall(cluster.send, (idOf(second), ENVELOPE, new bytes(48))));
        expectActRevert(
            DuplicateEnvelope.selector,
            first,
            abi.encodeCall(cluster.send, (idOf(second), ENVELOPE, new bytes(48)))
        );
        vm.assertEq(cluster.envelopeSenderOf(idOf(second), ENVELOPE), idOf(thief), "the thief is named");
    }

    function test_strangersDoNotSend() public {
        bytes memory call = abi.encodeCall(cluster.send, (idOf(second), ENVELOPE, new bytes(48)));
        (bool success, bytes memory result) = new Stranger().call(address(cluster), call);
        vm.assertFalse(success, "a stranger sent");
        vm.assertEq(result, abi.encodePacked(NotClusterMember.selector), "reason");
    }

    function test_strangersDoNotReceive() public {
        expectActRevert(
            RecipientNotMember.selector,
            first,
            abi.encodeCall(cluster.send, (keccak256("nobody"), ENVELOPE, new bytes(48)))
        );
    }

    function test_ciphertextLengthsAtTheirBounds() public {
        bytes4 refusal = BadCiphertextLength.selector;
        expectActRevert(refusal, first, abi.encodeCall(cluster.send, (idOf(second), ENVELOPE, new bytes(47))));
        send(first, second, 48);
        bytes32 large = keccak256("large");
        expectActRevert(
            refusal, first, abi.encodeCall(cluster.send, (idOf(second), large, new bytes(65_537)))
        );
        mustAct(first, abi.encodeCall(cluster.send, (idOf(second), large, new bytes(65_536))));
    }

    function test_aMemberPublishesItsKeys() public {
        vm.expectEmit(address(cluster));
        emit WgKeyPublished(idOf(first), KEY);
        mustAct(first, abi.encodeCall(cluster.publishWgKey, KEY));
        vm.assertEq(cluster.wgPubKeyOf(idOf(first)), KEY, "WireGuard key");
        vm.assertEq(cluster.memberById(idOf(first)).wgPubKey, KEY, "the record follows");
        vm.expectEmit(address(cluster));
        emit Ed25519KeyPublished(idOf(first), KEY);
        mustAct(first, abi.encodeCall(cluster.publishEd25519Key, KEY));
        vm.assertEq(cluster.ed25519KeyOf(idOf(first)), KEY, "Ed25519 key");
    }

    function test_zeroKeysAreNotPublished() public {
        expectActRevert(ZeroKey.selector, first, abi.encodeCall(cluster.publishWgKey, bytes32(0)));
        expectActRevert(ZeroKey.selector, first, abi.encodeCall(cluster.publishEd25519Key, bytes32(0)));
    }

    function test_strangersPublishNothing() public {
        expectRevert(NotClusterMember.selector, address(cluster), abi.encodeCall(cluster.publishWgKey, KEY));
        expectRevert(
            NotClusterMember.selector, address(cluster), abi.encodeCall(cluster.publishEd25519Key, KEY)
        );
    }

    function test_aRegisteredKeyIsNotPublishedByAnother() public {
        expectTaken(second, first.wgPubKey, first);
    }

    function test_aPublishedKeyIsNotPublishedByAnother() public {
        mustAct(first, abi.encodeCall(cluster.publishWgKey, KEY));
        expectTaken(second, KEY, first);
    }

    function test_aPublishedKeyIsFreeOnceItsHolderUsesAnother() public {
        mustAct(first, abi.encodeCall(cluster.publishWgKey, KEY));
        mustAct(first, abi.encodeCall(cluster.publishWgKey, keccak256("next")));
        mustAct(second, abi.encodeCall(cluster.publishWgKey, KEY));
        vm.assertEq(cluster.wgPubKeyOf(idOf(second)), KEY, "taken over");
    }

    function test_aRegisteredKeyStaysReservedAfterARotation() public {
        mustAct(first, abi.encodeCall(cluster.publishWgKey, KEY));
        expectTaken(second, first.wgPubKey, first);
        // and can be returned to without losing its rank
        mustAct(first, abi.encodeCall(cluster.publishWgKey, first.wgPubKey));
        Node memory copycat = newNode(3);
        copycat.wgPubKey = first.wgPubKey;
        expectActRevert(
            abi.encodeWithSelector(WgKeyTaken.selector, idOf(first)), copycat, registerCall(copycat)
        );
    }

    function test_publishingANewcomersKeyFirstDoesNotKeepItOut() public {
        Node memory newcomer = newNode(3);
        mustAct(second, abi.encodeCall(cluster.publishWgKey, newcomer.wgPubKey));
        vm.expectEmit(address(cluster));
        emit WgKeyPublished(idOf(second), 0);
        vm.expectEmit(address(cluster));
        emit WgKeyPublished(idOf(newcomer), newcomer.wgPubKey);
        register(newcomer);
        vm.assertEq(cluster.wgPubKeyOf(idOf(second)), 0, "the squatter has none");
        expectTaken(second, newcomer.wgPubKey, newcomer);
        // the squatter is still a member and can publish one of its own
        mustAct(second, abi.encodeCall(cluster.publishWgKey, second.wgPubKey));
    }

    function test_aRegistrationWithARegisteredKeyNamesTheHolder() public {
        Node memory copycat = newNode(3);
        copycat.wgPubKey = first.wgPubKey;
        expectActRevert(
            abi.encodeWithSelector(WgKeyTaken.selector, idOf(first)), copycat, registerCall(copycat)
        );
    }

    function test_aReturnedMembersOldKeyIsFree() public {
        bytes32 old = first.wgPubKey;
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(first)));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(first)));
        first.wgPubKey = keccak256("fresh");
        register(first);
        mustAct(second, abi.encodeCall(cluster.publishWgKey, old));
        vm.assertEq(cluster.wgPubKeyOf(idOf(second)), old, "claims end with a tenure");
    }

    function testFuzz_noTwoMembersEverShareAKey(uint8 a, uint8 b, uint8 c) public {
        bytes32[3] memory keys = [bytes32(uint256(a) + 1), bytes32(uint256(b) + 1), bytes32(uint256(c) + 1)];
        act(first, abi.encodeCall(cluster.publishWgKey, keys[0]));
        act(second, abi.encodeCall(cluster.publishWgKey, keys[1]));
        Node memory third = newNode(3);
        third.wgPubKey = keys[2];
        act(third, registerCall(third));
        bytes32[3] memory held = [
            cluster.wgPubKeyOf(idOf(first)), cluster.wgPubKeyOf(idOf(second)), cluster.wgPubKeyOf(idOf(third))
        ];
        for (uint256 i; i < 3; ++i) {
            vm.assertTrue(held[i] == 0 || held[i] != held[(i + 1) % 3], "a key shared");
        }
    }

    function expectTaken(Node memory by, bytes32 key, Node memory holder) internal {
        expectActRevert(
            abi.encodeWithSelector(WgKeyTaken.selector, idOf(holder)),
            by,
            abi.encodeCall(cluster.publishWgKey, key)
        );
    }

    function send(Node memory from, Node memory to, uint256 length) internal {
        mustAct(from, abi.encodeCall(cluster.send, (idOf(to), ENVELOPE, new bytes(length))));
    }
}
