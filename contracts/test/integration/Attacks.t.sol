// SPDX-License-Identifier: MIT
// What strangers try: taking a member or the implementation by an initialiser, burning a bootstrap nonce, spending
// what lies on an unregistered member, replaying proofs. Each is tried by somebody without any role.
pragma solidity 0.8.30;

import {IAccount, IClusterMember} from "../../src/interfaces/IClusterMember.sol";
import {DstackProof} from "../../src/types/DstackTypes.sol";
import "../../src/types/Errors.sol";
import {PackedUserOperation} from "../../src/types/UserOperation.sol";
import {Stranger} from "../utils/Base.sol";
import {Chain, ICluster, Node} from "../utils/Chain.sol";
import {IEntryPoint} from "../utils/IEntryPoint.sol";
import {StockDstackApp} from "../utils/StockDstackApp.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

contract AttacksTest is Chain {
    bytes4 internal constant INVALID_INITIALIZATION = bytes4(keccak256("InvalidInitialization()"));
    uint256 internal constant STRANGER_KEY = 0x57a46e4;

    Stranger internal stranger;

    function setUp() public override {
        super.setUp();
        stranger = new Stranger();
    }

    // Initialisers

    function test_aFactoryMemberIsNotTakenByEitherInitialiser() public {
        tryToTake(newNode(1).member, INVALID_INITIALIZATION);
        tryToTake(registered(2).member, INVALID_INITIALIZATION);
    }

    function test_aConvertedMemberIsNotTakenByEitherInitialiser() public {
        bytes memory init =
            abi.encodeCall(StockDstackApp.initialize, (OWNER, false, false, true, DEVICE, COMPOSE_HASH));
        address app = address(new ERC1967Proxy(address(new StockDstackApp()), init));
        bytes memory bind = abi.encodeCall(IClusterMember.reinitializeFromDstackApp, (address(cluster)));
        asOwner(
            OWNER,
            app,
            abi.encodeCall(UUPSUpgradeable.upgradeToAndCall, (address(memberImplementation), bind))
        );
        tryToTake(app, INVALID_INITIALIZATION);
    }

    function test_theImplementationIsNotTakenByEitherInitialiser() public {
        tryToTake(address(memberImplementation), INVALID_INITIALIZATION);
    }

    /// @dev The factory member that upstream initialises at version 1 is what a reinitialiser at 2 takes over; here a
    ///      stored cluster refuses it even if the version number did not.
    function test_aMemberInitialisedAtVersionOneIsStillSafe() public {
        Node memory node = newNode(1);
        bytes32 slot = 0xf0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c229c6a00;
        vm.assertEq(vm.load(node.member, slot), bytes32(uint256(2)), "initialised at 2");
        vm.store(node.member, slot, bytes32(uint256(1)));
        tryToTake(node.member, ClusterAlreadySet.selector);
    }

    function tryToTake(address target, bytes4 refusal) internal {
        bytes[2] memory calls = [
            abi.encodeCall(IClusterMember.initialize, (address(stranger))),
            abi.encodeCall(IClusterMember.reinitializeFromDstackApp, (address(stranger)))
        ];
        for (uint256 i; i < 2; ++i) {
            (bool taken, bytes memory result) = stranger.call(target, calls[i]);
            vm.assertFalse(taken, "initialised by a stranger");
            vm.assertEq(result, abi.encodePacked(refusal), "reason");
        }
        address trojan = address(new StockDstackApp());
        (bool upgraded,) =
            stranger.call(target, abi.encodeCall(UUPSUpgradeable.upgradeToAndCall, (trojan, "")));
        vm.assertFalse(upgraded, "upgraded by a stranger");
    }

    function test_onlyTheClusterSetsAnOwner() public {
        Node memory node = newNode(1);
        bytes memory call = abi.encodeCall(IClusterMember.__setOwnerFromCluster, (address(stranger)));
        (bool success, bytes memory result) = stranger.call(node.member, call);
        vm.assertFalse(success, "owner set by a stranger");
        vm.assertEq(result, abi.encodePacked(OnlyCluster.selector), "reason");
    }

    function test_onlyTheEntryPointDrivesTheAccount() public {
        Node memory node = registered(1);
        PackedUserOperation memory op = operation(node, abi.encodeCall(cluster.leave, ()));
        bytes[2] memory calls = [
            abi.encodeCall(IClusterMember.execute, (address(cluster), 0, abi.encodeCall(cluster.leave, ()))),
            abi.encodeCall(IAccount.validateUserOp, (op, keccak256("hash"), 0))
        ];
        for (uint256 i; i < 2; ++i) {
            (bool success, bytes memory result) = stranger.call(node.member, calls[i]);
            vm.assertFalse(success, "driven by a stranger");
            vm.assertEq(result, abi.encodePacked(OnlyEntryPoint.selector), "reason");
        }
    }

    // The account before it has an owner

    function test_aStrangersOwnKeyCannotBurnTheBootstrapNonce() public {
        Node memory node = newNode(1);
        uint192 key = uint192(uint160(vm.addr(node.ownerKey)));
        // the stranger signs a binding and an operation with its own key, under the node's nonce key
        PackedUserOperation memory op = unsignedOperation(node.member, key, strangersCall(node));
        op.gasFees = 0;
        signOperation(op, STRANGER_KEY);
        expectRefused(op, "AA24 signature error");
        vm.assertEq(ENTRY_POINT.getNonce(node.member, key), op.nonce, "nonce unmoved");

        // under its own nonce key it validates, fails in execution, and burns its own nonce only
        op = unsignedOperation(node.member, uint192(uint160(vm.addr(STRANGER_KEY))), strangersCall(node));
        op.gasFees = 0;
        signOperation(op, STRANGER_KEY);
        vm.assertFalse(handle(op).success, "registered by a stranger");
        vm.assertEq(memberOwner(node.member), address(0), "no owner");
        register(node);
    }

    function test_underTheSharedNonceKeyAStrangerOnlyCostsItself() public {
        Node memory node = newNode(1);
        PackedUserOperation memory prepared =
            unsignedOperation(node.member, 0, executeCall(registerCall(node)));
        sponsor(prepared);
        signOperation(prepared, node.ownerKey);
        PackedUserOperation memory burn = unsignedOperation(node.member, 0, strangersCall(node));
        burn.gasFees = 0;
        signOperation(burn, STRANGER_KEY);
        handle(burn);
        expectRefused(prepared, "AA25 invalid account nonce");
        // which is why a node registers under its own
        register(node);
    }

    function test_nobodySpendsWhatLiesOnAnUnregisteredMember() public {
        Node memory node = newNode(1);
        vm.deal(node.member, 1 ether);
        string memory refusal = "AA24 signature error";
        PackedUserOperation memory op = unsponsored(node, node.ownerKey, executeCall(registerCall(node)));
        expectRefused(op, "AA21 didn't pay prefund");
        op = unsponsored(node, STRANGER_KEY, strangersCall(node));
        expectRefused(op, "AA21 didn't pay prefund");

        // nor what somebody deposited for it at the EntryPoint, where nothing is missing
        ENTRY_POINT.depositTo{value: 1 ether}(node.member);
        expectRefused(unsponsored(node, node.ownerKey, executeCall(registerCall(node))), refusal);
        // nor by naming the zero paymaster, which the EntryPoint takes for none
        op = unsignedOperation(
            node.member, uint192(uint160(vm.addr(node.ownerKey))), executeCall(registerCall(node))
        );
        op.paymasterAndData = new bytes(52);
        signOperation(op, node.ownerKey);
        expectRefused(op, refusal);
        vm.assertEq(node.member.balance, 1 ether, "balance untouched");
        vm.assertEq(ENTRY_POINT.balanceOf(node.member), 1 ether, "deposit untouched");
    }

    function test_anUnregisteredMemberDoesNothingButRegister() public {
        Node memory node = newNode(1);
        bytes memory call = registerCall(node);
        string memory refusal = "AA24 signature error";
        // another target, a value, another function, another member, another outer call
        expectRefused(
            bootstrap(node, abi.encodeCall(IClusterMember.execute, (address(this), 0, call))), refusal
        );
        expectRefused(
            bootstrap(node, abi.encodeCall(IClusterMember.execute, (address(cluster), 1, call))), refusal
        );
        expectRefused(bootstrap(node, executeCall(abi.encodeCall(cluster.leave, ()))), refusal);
        expectRefused(bootstrap(node, executeCall(registerCall(newNode(2)))), refusal);
        expectRefused(bootstrap(node, call), refusal);
        expectRefused(bootstrap(node, ""), refusal);
        assertSuccess(handle(bootstrap(node, executeCall(call))));
    }

    function test_aRegisteredMembersOperationsAreItsOwners() public {
        Node memory node = registered(1);
        PackedUserOperation memory op = operation(node, abi.encodeCall(cluster.leave, ()));
        signOperation(op, STRANGER_KEY);
        expectRefused(op, "AA24 signature error");
        op.signature = new bytes(65);
        expectRefused(op, "AA24 signature error");
        op.signature = "short";
        expectRefused(op, "AA24 signature error");
    }

    function test_aRegisteredMemberPaysForItself() public {
        Node memory node = registered(1);
        vm.deal(node.member, 1 ether);
        PackedUserOperation memory op = unsponsored(
            node, node.ownerKey, executeCall(abi.encodeCall(cluster.publishWgKey, keccak256("k")))
        );
        assertSuccess(handle(op));
        vm.assertTrue(node.member.balance < 1 ether, "it paid");
    }

    function test_aRegisteredMemberWithoutMoneyIsRefusedByTheEntryPoint() public {
        Node memory node = registered(1);
        expectRefused(
            unsponsored(node, node.ownerKey, executeCall(abi.encodeCall(cluster.leave, ()))),
            "AA21 didn't pay prefund"
        );
    }

    // Replays

    function test_aProofOfAnotherClusterIsWorthNothing() public {
        Node memory node = newNode(1);
        ICluster other = deployCluster(16, bytes32(uint256(1)));
        DstackProof memory proof =
            makeProof(address(other), node.member, node.xPubKey, node.wgPubKey, PURPOSE);
        // the account recovers another key from the foreign binding than the one that signed
        expectRefused(operation(node, registerCallFor(node, proof)), "AA24 signature error");
    }

    function test_aProofForOtherKeysIsWorthNothing() public {
        Node memory node = newNode(1);
        DstackProof memory proof =
            makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, PURPOSE);
        node.wgPubKey = keccak256("the stranger's");
        expectRefused(operation(node, registerCallFor(node, proof)), "AA24 signature error");
    }

    function test_aStrangerCannotReplayAnOldProofAfterAReadmission() public {
        Node memory node = newNode(1);
        bytes memory old = registerCall(node);
        mustAct(node, old);
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(node)));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(node)));
        (bool success, bytes memory result) = stranger.call(address(cluster), old);
        vm.assertFalse(success, "replayed");
        vm.assertEq(result, abi.encodePacked(CallerNotMember.selector), "reason");
    }

    function test_writesThroughAMemberAreNeverForwarded() public {
        // the member's own cluster would see the member as the caller
        Node memory node = registered(1);
        bytes[6] memory calls = [
            abi.encodeCall(cluster.addComposeHash, DEVICE),
            abi.encodeCall(cluster.removeComposeHash, DEVICE),
            abi.encodeCall(cluster.addDevice, DEVICE),
            abi.encodeCall(cluster.removeDevice, DEVICE),
            abi.encodeCall(cluster.setAllowAnyDevice, true),
            abi.encodeCall(cluster.setRequireTcbUpToDate, true)
        ];
        for (uint256 i; i < calls.length; ++i) {
            (bool success, bytes memory result) = stranger.call(node.member, calls[i]);
            vm.assertFalse(success, "forwarded");
            vm.assertEq(result, abi.encodePacked(NotClusterOwner.selector), "reason");
            expectOwnerRevert(OWNER, abi.encodePacked(NotClusterOwner.selector), node.member, calls[i]);
        }
    }

    // Helpers

    /// @dev A registration whose binding the stranger signed itself.
    function strangersCall(Node memory node) internal returns (bytes memory) {
        DstackProof memory proof =
            makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, PURPOSE);
        proof.messageSignature = sign27(STRANGER_KEY, eip191(proof.messageHash));
        return executeCall(registerCallFor(node, proof));
    }

    function unsponsored(Node memory node, uint256 key, bytes memory callData)
        internal
        view
        returns (PackedUserOperation memory op)
    {
        op = unsignedOperation(node.member, uint192(uint160(vm.addr(key))), callData);
        signOperation(op, key);
    }

    function bootstrap(Node memory node, bytes memory callData)
        internal
        view
        returns (PackedUserOperation memory op)
    {
        op = unsignedOperation(node.member, uint192(uint160(vm.addr(node.ownerKey))), callData);
        sponsor(op);
        signOperation(op, node.ownerKey);
    }
}
