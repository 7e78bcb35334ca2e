// SPDX-License-Identifier: MIT
// The verifying paymaster against the real EntryPoint: what it pays for, its money and its keys.
pragma solidity 0.8.30;

import {VerifyingPaymaster} from "../../src/paymaster/VerifyingPaymaster.sol";
import "../../src/types/Errors.sol";
import {PackedUserOperation} from "../../src/types/UserOperation.sol";
import {Chain, Node} from "../utils/Chain.sol";

contract PaymasterTest is Chain {
    event SignerChanged(address indexed previousSigner, address indexed newSigner);

    function test_theHashFromLiteralValues() public {
        // the words of VerifyingPaymaster 0.7.0, put together here by hand
        Node memory node = newNode(1);
        PackedUserOperation memory op = operation(node, registerCall(node));
        bytes32 expected = keccak256(
            bytes.concat(
                abi.encode(op.sender, op.nonce, keccak256(""), keccak256(op.callData), op.accountGasLimits),
                abi.encode(uint256(300_000) << 128, op.preVerificationGas, op.gasFees, block.chainid),
                abi.encode(address(paymaster), uint256(11), uint256(22))
            )
        );
        vm.assertEq(paymaster.getHash(op, 11, 22), expected, "hash");
    }

    function test_itPaysForWhatItsSignerApproved() public {
        Node memory node = newNode(1);
        uint256 before = ENTRY_POINT.balanceOf(address(paymaster));
        register(node);
        vm.assertTrue(ENTRY_POINT.balanceOf(address(paymaster)) < before, "it paid");
    }

    function test_itPaysForNothingElse() public {
        Node memory node = newNode(1);
        PackedUserOperation memory op = operation(node, registerCall(node));
        sponsorBy(op, 0xbad, 0);
        signOperation(op, node.ownerKey);
        expectRefused(op, "AA34 signature error");
        // approved, then changed
        op = operation(node, registerCall(node));
        op.preVerificationGas += 1;
        signOperation(op, node.ownerKey);
        expectRefused(op, "AA34 signature error");
    }

    function test_anApprovalEnds() public {
        Node memory node = newNode(1);
        PackedUserOperation memory op = operation(node, registerCall(node));
        sponsorBy(op, SPONSOR_KEY, uint48(block.timestamp + 60));
        signOperation(op, node.ownerKey);
        vm.warp(block.timestamp + 61);
        expectRefused(op, "AA32 paymaster expired or not due");
    }

    function test_malformedDataIsAWrongSignature() public {
        Node memory node = newNode(1);
        PackedUserOperation memory op = operation(node, registerCall(node));
        bytes memory good = op.paymasterAndData;
        bytes[4] memory bad;
        bad[0] = cut(good, 115);
        bad[1] = cut(good, 116);
        bad[2] = cut(good, 180);
        bad[3] = cut(good, 52);
        for (uint256 i; i < bad.length; ++i) {
            op.paymasterAndData = bad[i];
            signOperation(op, node.ownerKey);
            expectRefused(op, "AA34 signature error");
        }
        // times beyond 48 bits
        for (uint256 at = 57; at <= 89; at += 32) {
            op.paymasterAndData = bytes.concat(good);
            op.paymasterAndData[at] = 0x01;
            signOperation(op, node.ownerKey);
            expectRefused(op, "AA34 signature error");
        }
    }

    function test_onlyTheEntryPointAsks() public {
        Node memory node = newNode(1);
        PackedUserOperation memory op = operation(node, registerCall(node));
        expectRevert(
            OnlyEntryPoint.selector,
            address(paymaster),
            abi.encodeCall(paymaster.validatePaymasterUserOp, (op, keccak256("hash"), 1))
        );
    }

    function test_theSignerRotates() public {
        bytes memory rotate = abi.encodeCall(paymaster.setSigner, vm.addr(0x600d));
        expectRevert(unauthorized(), address(paymaster), rotate);
        vm.expectEmit(address(paymaster));
        emit SignerChanged(vm.addr(SPONSOR_KEY), vm.addr(0x600d));
        asOwner(OWNER, address(paymaster), rotate);
        vm.assertEq(paymaster.signer(), vm.addr(0x600d), "signer");
        Node memory node = newNode(1);
        expectRefused(operation(node, registerCall(node)), "AA34 signature error");
        bytes memory zero = abi.encodeCall(paymaster.setSigner, address(0));
        expectOwnerRevert(OWNER, abi.encodePacked(ZeroAddress.selector), address(paymaster), zero);
    }

    function test_theDepositIsTheOwners() public {
        address payable to = payable(address(0xcafe));
        bytes memory withdraw = abi.encodeCall(paymaster.withdrawTo, (to, 2 ether));
        expectRevert(unauthorized(), address(paymaster), withdraw);
        asOwner(OWNER, address(paymaster), withdraw);
        vm.assertEq(to.balance, 2 ether, "withdrawn");
        vm.assertEq(ENTRY_POINT.balanceOf(address(paymaster)), 48 ether, "the rest");
    }

    function test_theStakeIsTheOwners() public {
        (, bool staked, uint112 stake, uint32 delay,) = ENTRY_POINT.getDepositInfo(address(paymaster));
        vm.assertTrue(staked && stake == 1 ether && delay == 86_400, "staked");
        address payable to = payable(address(0xcafe));
        expectRevert(unauthorized(), address(paymaster), abi.encodeCall(paymaster.addStake, (86_400)));
        expectRevert(unauthorized(), address(paymaster), abi.encodeCall(paymaster.unlockStake, ()));
        expectRevert(unauthorized(), address(paymaster), abi.encodeCall(paymaster.withdrawStake, (to)));
        asOwner(OWNER, address(paymaster), abi.encodeCall(paymaster.unlockStake, ()));
        vm.warp(block.timestamp + 86_401);
        asOwner(OWNER, address(paymaster), abi.encodeCall(paymaster.withdrawStake, (to)));
        vm.assertEq(to.balance, 1 ether, "stake back");
    }

    function test_ownershipMovesInTwoSteps() public {
        address next = address(0x222);
        asOwner(OWNER, address(paymaster), abi.encodeCall(paymaster.transferOwnership, next));
        vm.assertEq(paymaster.owner(), OWNER, "not yet");
        asOwner(next, address(paymaster), abi.encodeCall(paymaster.acceptOwnership, ()));
        vm.assertEq(paymaster.owner(), next, "accepted");
        expectRevert(unauthorized(), address(paymaster), abi.encodeCall(paymaster.renounceOwnership, ()));
        bytes memory renounce = abi.encodeCall(paymaster.renounceOwnership, ());
        expectOwnerRevert(next, abi.encodePacked(ZeroAddress.selector), address(paymaster), renounce);
    }

    function test_aPaymasterNeedsASigner() public {
        try new VerifyingPaymaster(OWNER, address(0)) {
            vm.assertTrue(false, "made without a signer");
        } catch (bytes memory reason) {
            vm.assertEq(reason, abi.encodePacked(ZeroAddress.selector), "reason");
        }
    }

    function testFuzz_noDataMakesValidationRevert(bytes memory tail) public {
        Node memory node = newNode(1);
        PackedUserOperation memory op = operation(node, registerCall(node));
        op.paymasterAndData = abi.encodePacked(address(paymaster), uint128(300_000), uint128(1), tail);
        signOperation(op, node.ownerKey);
        // a revert would be FailedOpWithRevert
        expectRefused(op, "AA34 signature error");
    }

    function cut(bytes memory data, uint256 length) internal pure returns (bytes memory out) {
        out = bytes.concat(data);
        assembly ("memory-safe") {
            mstore(out, length)
        }
    }

    function unauthorized() internal view returns (bytes memory) {
        return abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", address(this));
    }
}
