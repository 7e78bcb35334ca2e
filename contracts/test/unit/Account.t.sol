// SPDX-License-Identifier: MIT
// The member account's validation on its own: what it costs, that nothing makes it revert, and its execution.
pragma solidity 0.8.30;

import {IAccount, IClusterMember} from "../../src/interfaces/IClusterMember.sol";
import {IDstackFacet} from "../../src/interfaces/IDstackFacet.sol";
import {IOperatorFacet} from "../../src/interfaces/IOperatorFacet.sol";
import "../../src/types/Errors.sol";
import {OperatorProof} from "../../src/types/OperatorTypes.sol";
import {PackedUserOperation} from "../../src/types/UserOperation.sol";
import {Chain, Node, Outcome} from "../utils/Chain.sol";
import {IEntryPoint} from "../utils/IEntryPoint.sol";

contract AccountTest is Chain {
    /// @dev What bundlers estimate with: 65 bytes that recover to somebody.
    bytes internal constant DUMMY =
        hex"fffffffffffffffffffffffffffffff0000000000000000000000000000000007aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1c";
    string internal constant REFUSED = "AA24 signature error";
    string internal constant HANDLED = "handled";
    /// @dev One percent, in vm.assertApproxEqRel's scale.
    uint256 internal constant ONE_PERCENT = 0.01e18;

    event OwnerSetSkipped(address indexed existingOwner, address indexed proposedOwner);
    event OwnerSet(address indexed owner);

    function test_aDummySignatureCostsWhatTheRealOneDoes() public {
        Node memory node = newNode(1);
        PackedUserOperation memory op = operation(node, registerCall(node));
        assertSameCost("bootstrap by dstack", op);
        op = operation(node, voucherCall(node, node.ownerKey, 1));
        assertSameCost("bootstrap by operator", op);
        register(node);
        op = operation(node, abi.encodeCall(cluster.leave, ()));
        assertSameCost("owner", op);
    }

    function test_thePublishedNamesAndEntryPoint() public {
        Node memory node = newNode(1);
        (, bytes memory answer) = node.member.staticcall(abi.encodeWithSignature("ENTRY_POINT()"));
        vm.assertEq(abi.decode(answer, (address)), address(ENTRY_POINT), "EntryPoint");
        vm.assertEq(IClusterMember(node.member).cluster(), address(cluster), "cluster");
    }

    function testFuzz_malformedCallDataNeverRevertsInValidation(bytes memory callData, uint192 nonceKey)
        public
    {
        vm.assertEq(verdict(newNode(1), callData, nonceKey), REFUSED, "accepted, or reverted");
    }

    function testFuzz_malformedRegistrationsNeverRevert(bytes memory tail, bool operator) public {
        bytes4 selector =
            operator ? IOperatorFacet.operator_register.selector : IDstackFacet.dstack_register.selector;
        bytes memory callData = executeCall(abi.encodePacked(selector, tail));
        vm.assertEq(verdict(newNode(1), callData, 0), REFUSED, "accepted, or reverted");
    }

    /// @dev A good registration with one of its words overwritten: every offset and length is hit sooner or later.
    function testFuzz_aWordOverwrittenNeverRevertsInValidation(uint256 position, uint256 value, bool small)
        public
    {
        Node memory node = newNode(1);
        bytes memory callData = executeCall(registerCall(node));
        uint256 at = 4 + 32 * (position % ((callData.length - 4) / 32));
        if (small) value %= callData.length + 64;
        assembly ("memory-safe") {
            mstore(add(add(callData, 0x20), at), value)
        }
        string memory answer = verdict(node, callData, 0);
        vm.assertTrue(same(answer, REFUSED) || same(answer, HANDLED), "reverted in validation");
    }

    function testFuzz_aTruncatedVoucherIsRefused(uint256 length) public {
        Node memory node = newNode(1);
        bytes memory callData = executeCall(voucherCall(node, node.ownerKey, 1));
        // the last byte string ends 31 bytes before the end of the voucher, the voucher 28 before the end of all
        length %= callData.length - 59;
        assembly ("memory-safe") {
            mstore(callData, length)
        }
        vm.assertEq(verdict(node, callData, 0), REFUSED, "accepted half a call");
    }

    function test_everyShorterRegistrationIsRefused() public {
        Node memory node = newNode(1);
        bytes memory whole = executeCall(registerCall(node));
        // the binding signature ends well before the end; what follows it is the cluster's to check
        for (uint256 length; length < 620; ++length) {
            bytes memory part = bytes.concat(whole);
            assembly ("memory-safe") {
                mstore(part, length)
            }
            vm.assertEq(verdict(node, part, 0), REFUSED, "accepted half a call");
        }
    }

    function test_aVouchersFieldsAreReadStrictly() public {
        Node memory node = newNode(1);
        bytes memory good = voucherCall(node, node.ownerKey, 1);
        // the upper bytes of the member, the signer, the owner key and the expiry
        uint256[4] memory dirt = [uint256(4 + 32), 4 + 32 * 4, 4 + 32 * 5, 4 + 32 * 6];
        for (uint256 i; i < dirt.length; ++i) {
            bytes memory bad = bytes.concat(good);
            bad[dirt[i]] = 0x01;
            vm.assertEq(verdict(node, executeCall(bad), 0), REFUSED, "dirty word");
        }
        vm.assertEq(verdict(node, executeCall(good), 0), HANDLED, "a good voucher");
    }

    function test_executionPassesRevertsAndValueOn() public {
        Node memory node = registered(1);
        vm.deal(node.member, 1 ether);
        Outcome memory outcome = handle(
            signedOperation(node, abi.encodeCall(IClusterMember.execute, (address(0xcafe), 1 ether, "")))
        );
        assertSuccess(outcome);
        vm.assertEq(address(0xcafe).balance, 1 ether, "value");
        outcome =
            handle(signedOperation(node, abi.encodeCall(IClusterMember.execute, (address(0xcafe), 1, ""))));
        vm.assertFalse(outcome.success, "more than it has");
        expectActRevert(NotClusterOwner.selector, node, abi.encodeCall(cluster.setAllowAnyDevice, true));
    }

    function test_anOwnerStaysAndIsNeverZero() public {
        TestCluster home = new TestCluster();
        IClusterMember member = IClusterMember(memberFactory.deployMember(address(home), 0));
        expectRevert(ZeroAddress.selector, address(home), abi.encodeCall(home.setOwner, (member, address(0))));
        vm.expectEmit(address(member));
        emit OwnerSet(address(1));
        home.setOwner(member, address(1));
        vm.expectEmit(address(member));
        emit OwnerSetSkipped(address(1), address(2));
        home.setOwner(member, address(2));
        vm.assertEq(member.owner(), address(1), "the first stays");
        vm.recordLogs();
        home.setOwner(member, address(1));
        vm.assertEq(vm.getRecordedLogs().length, 0, "the same one is no event");
    }

    // Helpers

    function assertSameCost(string memory what, PackedUserOperation memory op) internal {
        bytes32 hash = ENTRY_POINT.getUserOpHash(op);
        // once before, so that storage is warm for both
        measure(op, hash);
        (uint256 answer, uint256 cost) = measure(op, hash);
        vm.assertEq(answer, 0, "the real one is good");
        op.signature = DUMMY;
        (uint256 dummyAnswer, uint256 dummyCost) = measure(op, hash);
        vm.assertEq(dummyAnswer, 1, "the dummy is refused");
        vm.assertApproxEqRel(dummyCost, cost, ONE_PERCENT, what);
    }

    /// @dev Validation called as the EntryPoint calls it and as bundlers simulate it: its own cost is not to be seen
    ///      from outside. Nothing else is ever done in the EntryPoint's name.
    function measure(PackedUserOperation memory op, bytes32 hash)
        internal
        returns (uint256 answer, uint256 gas)
    {
        bytes memory call = abi.encodeCall(IAccount.validateUserOp, (op, hash, 0));
        address sender = op.sender;
        vm.prank(address(ENTRY_POINT));
        gas = gasleft();
        (bool success, bytes memory result) = sender.call(call);
        gas -= gasleft();
        vm.assertTrue(success, "validation reverted");
        answer = abi.decode(result, (uint256));
    }

    /// @dev What the EntryPoint says of an operation: handled, or its reason.
    function verdict(Node memory node, bytes memory callData, uint192 nonceKey)
        internal
        returns (string memory)
    {
        PackedUserOperation[] memory ops = new PackedUserOperation[](1);
        ops[0] = unsignedOperation(node.member, nonceKey, callData);
        sponsor(ops[0]);
        signOperation(ops[0], node.ownerKey);
        try ENTRY_POINT.handleOps(ops, BUNDLER) {
            return HANDLED;
        } catch (bytes memory reason) {
            // FailedOpWithRevert, which a revert in validation gives, has another shape and fails here
            vm.assertEq(
                bytes32(bytes4(reason)), bytes32(IEntryPoint.FailedOp.selector), "validation reverted"
            );
            return failedOpReason(reason);
        }
    }

    function failedOpReason(bytes memory data) internal pure returns (string memory reason) {
        bytes memory arguments = new bytes(data.length - 4);
        for (uint256 i; i < arguments.length; ++i) {
            arguments[i] = data[i + 4];
        }
        (, reason) = abi.decode(arguments, (uint256, string));
    }

    function same(string memory a, string memory b) internal pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }

    function signedOperation(Node memory node, bytes memory callData)
        internal
        view
        returns (PackedUserOperation memory op)
    {
        op = unsignedOperation(node.member, 0, callData);
        sponsor(op);
        signOperation(op, node.ownerKey);
    }

    /// @dev A registration by a voucher of key 0x51, with the given owner key.
    function voucherCall(Node memory node, uint256 ownerKey, uint64 expiry)
        internal
        view
        returns (bytes memory)
    {
        bytes32 bound = keccak256(
            abi.encode(
                "attestmesh.operator.bind.v1",
                address(cluster),
                node.member,
                node.xPubKey,
                node.wgPubKey,
                vm.addr(ownerKey),
                expiry
            )
        );
        OperatorProof memory proof =
            OperatorProof(vm.addr(0x51), vm.addr(ownerKey), expiry, sign27(0x51, eip191(bound)));
        return
            abi.encodeCall(
                IOperatorFacet.operator_register, (proof, node.member, node.xPubKey, node.wgPubKey)
            );
    }
}

/// @notice A cluster that sets whatever owner it is told to.
contract TestCluster {
    function setOwner(IClusterMember member, address owner) external {
        member.__setOwnerFromCluster(owner);
    }
}
