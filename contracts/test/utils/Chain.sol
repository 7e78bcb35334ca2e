// SPDX-License-Identifier: MIT
// The chain every test runs on: the real EntryPoint, deployed from its published bytecode through the CREATE2
// proxy, the factories, a cluster and a staked paymaster. Members act through handleOps and nothing else.
pragma solidity 0.8.30;

import {ClusterDiamond} from "../../src/ClusterDiamond.sol";
import {AttestFacet} from "../../src/facets/AttestFacet.sol";
import {CskFacet} from "../../src/facets/CskFacet.sol";
import {DstackFacet} from "../../src/facets/DstackFacet.sol";
import {MessageFacet} from "../../src/facets/MessageFacet.sol";
import {NetworkFacet} from "../../src/facets/NetworkFacet.sol";
import {OperatorFacet} from "../../src/facets/OperatorFacet.sol";
import {ClusterDiamondFactory} from "../../src/factory/ClusterDiamondFactory.sol";
import {ClusterInit} from "../../src/factory/ClusterInit.sol";
import {ClusterMemberFactory} from "../../src/factory/ClusterMemberFactory.sol";
import {IAttest} from "../../src/interfaces/IAttest.sol";
import {IClusterMember} from "../../src/interfaces/IClusterMember.sol";
import {ICsk} from "../../src/interfaces/ICsk.sol";
import {IDstackFacet} from "../../src/interfaces/IDstackFacet.sol";
import {IMessage} from "../../src/interfaces/IMessage.sol";
import {INetwork} from "../../src/interfaces/INetwork.sol";
import {ClusterMember} from "../../src/member/ClusterMember.sol";
import {VerifyingPaymaster} from "../../src/paymaster/VerifyingPaymaster.sol";
import {DstackInit, DstackProof} from "../../src/types/DstackTypes.sol";
import {AttestorConfig, CoreConfig} from "../../src/types/MemberTypes.sol";
import {PackedUserOperation} from "../../src/types/UserOperation.sol";
import {Dstack} from "./Dstack.sol";
import {IEntryPoint} from "./IEntryPoint.sol";
import {Vm} from "./Vm.sol";

/// @notice A cluster under every one of its faces.
interface ICluster is IAttest, ICsk, IMessage, INetwork, IDstackFacet {
    function owner() external view returns (address);
    function nomineeOwner() external view returns (address);
    function transferOwnership(address account) external;
    function acceptOwnership() external;
    function supportsInterface(bytes4 interfaceId) external view returns (bool);
}

/// @notice A node: its member contract and the keys it registers with.
struct Node {
    address member;
    bytes32 xPubKey;
    bytes32 wgPubKey;
    uint256 ownerKey;
}

/// @notice What became of one operation.
struct Outcome {
    bool success;
    bytes revertData;
    Vm.Log[] logs;
}

abstract contract Chain is Dstack {
    IEntryPoint internal constant ENTRY_POINT = IEntryPoint(0x0000000071727De22E5E9d8BAf0edAc6f37da032);
    address internal constant CREATE2_PROXY = 0x4e59b44847b379578588920cA78FbF26c0B4956C;
    bytes32 internal constant ENTRY_POINT_SALT =
        0x90d8084deab30c2a37c45e8d47f49f2f7965183cb6990a98943ef94940681de3;
    bytes32 internal constant ENTRY_POINT_CODE_HASH =
        0x8db5ff695839d655407cc8490bb7a5d82337a86a6b39c3f0258aa6c3b582fc58;

    uint256 internal constant SPONSOR_KEY = 0x5105;
    address internal constant OWNER = address(0x0111);
    address payable internal constant BUNDLER = payable(address(0xB0B));
    uint32 internal constant NETWORK = 0x0a0d0000;
    bytes32 internal constant COMPOSE_HASH = keccak256("compose");
    bytes32 internal constant DEVICE = keccak256("device");
    bytes32 internal constant DSTACK_ID = keccak256("attestmesh.attestor.dstack");

    AttestFacet internal attestFacet;
    MessageFacet internal messageFacet;
    NetworkFacet internal networkFacet;
    CskFacet internal cskFacet;
    DstackFacet internal dstackFacet;
    OperatorFacet internal operatorFacet;
    ClusterInit internal clusterInit;
    ClusterMember internal memberImplementation;
    ClusterMemberFactory internal memberFactory;
    ClusterDiamondFactory internal clusterFactory;
    VerifyingPaymaster internal paymaster;
    ICluster internal cluster;

    function setUp() public virtual {
        vm.warp(1_763_700_000);
        vm.roll(1000);
        deployEntryPoint();
        deployInfrastructure();
        cluster = deployCluster(16, bytes32(0));
    }

    function deployEntryPoint() internal {
        string memory artifact = vm.readFile(
            string.concat(
                vm.projectRoot(), "/node_modules/@account-abstraction/contracts/artifacts/EntryPoint.json"
            )
        );
        raw(CREATE2_PROXY, abi.encodePacked(ENTRY_POINT_SALT, vm.parseJsonBytes(artifact, ".bytecode")));
        vm.assertEq(address(ENTRY_POINT).codehash, ENTRY_POINT_CODE_HASH, "the canonical EntryPoint");
    }

    function deployInfrastructure() internal {
        attestFacet = new AttestFacet();
        messageFacet = new MessageFacet();
        networkFacet = new NetworkFacet();
        cskFacet = new CskFacet();
        dstackFacet = new DstackFacet();
        operatorFacet = new OperatorFacet();
        clusterInit = new ClusterInit();
        memberImplementation = new ClusterMember();
        memberFactory = new ClusterMemberFactory(address(memberImplementation));
        clusterFactory = new ClusterDiamondFactory(OWNER, coreContracts());
        asOwner(
            OWNER,
            address(clusterFactory),
            abi.encodeCall(clusterFactory.addApprovedAttestor, address(dstackFacet))
        );
        paymaster = new VerifyingPaymaster(OWNER, vm.addr(SPONSOR_KEY));
        vm.deal(OWNER, 100 ether);
        vm.deal(address(this), 100 ether);
        paymaster.deposit{value: 50 ether}();
        vm.prank(OWNER);
        paymaster.addStake{value: 1 ether}(86_400);
    }

    function coreContracts() internal view returns (ClusterDiamondFactory.CoreContracts memory) {
        return ClusterDiamondFactory.CoreContracts({
            clusterInit: address(clusterInit),
            attestFacet: address(attestFacet),
            messageFacet: address(messageFacet),
            networkFacet: address(networkFacet),
            cskFacet: address(cskFacet)
        });
    }

    function coreConfig(uint8 prefix) internal view returns (CoreConfig memory) {
        return CoreConfig({
            clusterOwner: OWNER,
            meshCidrIp: NETWORK,
            meshCidrPrefix: prefix,
            memberFactory: address(memberFactory)
        });
    }

    function dstackConfig() internal view returns (AttestorConfig[] memory attestors) {
        DstackInit memory init;
        init.kmsRootSigner = KMS_ROOT;
        init.composeHashes = new bytes32[](1);
        init.composeHashes[0] = COMPOSE_HASH;
        init.deviceIds = new bytes32[](1);
        init.deviceIds[0] = DEVICE;
        attestors = new AttestorConfig[](1);
        attestors[0] = AttestorConfig(address(dstackFacet), abi.encode(init));
    }

    function deployCluster(uint8 prefix, bytes32 salt) internal returns (ICluster made) {
        made = undecidedCluster(prefix, salt);
        asOwner(OWNER, address(made), abi.encodeCall(made.acceptOwnership, ()));
    }

    /// @dev A cluster whose owner has not accepted the diamond from the factory yet.
    function undecidedCluster(uint8 prefix, bytes32 salt) internal returns (ICluster) {
        return ICluster(clusterFactory.deployCluster(coreConfig(prefix), dstackConfig(), salt));
    }

    // Nodes

    /// @dev A factory-made member of the cluster; the number makes its keys.
    function newNode(uint256 number) internal returns (Node memory) {
        return newNodeOf(cluster, number);
    }

    function newNodeOf(ICluster home, uint256 number) internal returns (Node memory node) {
        return nodeAt(memberFactory.deployMember(address(home), bytes32(number)), number);
    }

    /// @dev A real member contract, made by a factory that this cluster does not know.
    function foreignNode(uint256 number) internal returns (Node memory) {
        ClusterMemberFactory foreign = new ClusterMemberFactory(address(memberImplementation));
        return nodeAt(foreign.deployMember(address(cluster), bytes32(number)), number);
    }

    function nodeAt(address member, uint256 number) internal pure returns (Node memory node) {
        node.member = member;
        node.xPubKey = keccak256(abi.encode("x", number));
        node.wgPubKey = keccak256(abi.encode("wg", number));
        node.ownerKey = derivedKey(member);
    }

    function idOf(Node memory node) internal view returns (bytes32) {
        return keccak256(abi.encode(address(cluster), node.member, DSTACK_ID));
    }

    function registerCall(Node memory node) internal returns (bytes memory) {
        return
            registerCallFor(
                node, makeProof(address(cluster), node.member, node.xPubKey, node.wgPubKey, PURPOSE)
            );
    }

    function registerCallFor(Node memory node, DstackProof memory proof)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(IDstackFacet.dstack_register, (proof, node.member, node.xPubKey, node.wgPubKey));
    }

    /// @dev Register through the EntryPoint, and see that it worked.
    function register(Node memory node) internal returns (bytes32 memberId) {
        Outcome memory outcome = act(node, registerCall(node));
        assertSuccess(outcome);
        memberId = idOf(node);
        vm.assertEq(cluster.memberIdOf(node.member), memberId, "member id after registration");
    }

    function registered(uint256 number) internal returns (Node memory node) {
        node = newNode(number);
        register(node);
    }

    function memberOwner(address member) internal view returns (address) {
        return IClusterMember(member).owner();
    }

    function asClusterOwner(bytes memory call) internal {
        asOwner(OWNER, address(cluster), call);
    }

    // Operations

    /// @dev The node's own call of its cluster, as a sponsored and signed operation through the EntryPoint.
    function act(Node memory node, bytes memory call) internal returns (Outcome memory) {
        return handle(operation(node, call));
    }

    function mustAct(Node memory node, bytes memory call) internal returns (Outcome memory outcome) {
        outcome = act(node, call);
        assertSuccess(outcome);
    }

    /// @dev The operation reaches execution, and the call fails there with exactly this.
    function expectActRevert(bytes memory expected, Node memory node, bytes memory call) internal {
        Outcome memory outcome = act(node, call);
        vm.assertFalse(outcome.success, "the operation did not revert");
        vm.assertEq(outcome.revertData, expected, "revert data of the operation");
    }

    function expectActRevert(bytes4 expected, Node memory node, bytes memory call) internal {
        expectActRevert(abi.encodePacked(expected), node, call);
    }

    function operation(Node memory node, bytes memory call)
        internal
        view
        returns (PackedUserOperation memory op)
    {
        op = unsignedOperation(node.member, uint192(uint160(vm.addr(node.ownerKey))), executeCall(call));
        sponsor(op);
        signOperation(op, node.ownerKey);
    }

    function executeCall(bytes memory call) internal view returns (bytes memory) {
        return abi.encodeCall(IClusterMember.execute, (address(cluster), 0, call));
    }

    function unsignedOperation(address sender, uint192 nonceKey, bytes memory callData)
        internal
        view
        returns (PackedUserOperation memory op)
    {
        op.sender = sender;
        op.nonce = ENTRY_POINT.getNonce(sender, nonceKey);
        op.callData = callData;
        op.accountGasLimits = bytes32(uint256(3_000_000) << 128 | 30_000_000);
        op.preVerificationGas = 50_000;
        op.gasFees = bytes32(uint256(1 gwei) << 128 | 1 gwei);
    }

    function sponsor(PackedUserOperation memory op) internal view {
        sponsorBy(op, SPONSOR_KEY, 0);
    }

    function sponsorBy(PackedUserOperation memory op, uint256 key, uint48 validUntil) internal view {
        bytes memory head = abi.encodePacked(address(paymaster), uint128(300_000), uint128(0));
        bytes memory times = abi.encode(validUntil, uint48(0));
        op.paymasterAndData = abi.encodePacked(head, times, new bytes(65));
        bytes32 hash = paymaster.getHash(op, validUntil, 0);
        op.paymasterAndData = abi.encodePacked(head, times, sign27(key, eip191(hash)));
    }

    function signOperation(PackedUserOperation memory op, uint256 key) internal view {
        op.signature = sign27(key, eip191(ENTRY_POINT.getUserOpHash(op)));
    }

    function handle(PackedUserOperation memory op) internal returns (Outcome memory outcome) {
        PackedUserOperation[] memory ops = new PackedUserOperation[](1);
        ops[0] = op;
        return handleAll(ops)[0];
    }

    function handleAll(PackedUserOperation[] memory ops) internal returns (Outcome[] memory outcomes) {
        vm.recordLogs();
        ENTRY_POINT.handleOps(ops, BUNDLER);
        return readOutcomes(ops);
    }

    /// @dev The EntryPoint refuses the operation before anything runs.
    function expectRefused(PackedUserOperation memory op, string memory reason) internal {
        PackedUserOperation[] memory ops = new PackedUserOperation[](1);
        ops[0] = op;
        bytes memory expected = abi.encodeWithSelector(IEntryPoint.FailedOp.selector, 0, reason);
        expectRevert(expected, address(ENTRY_POINT), abi.encodeCall(ENTRY_POINT.handleOps, (ops, BUNDLER)));
    }

    function assertSuccess(Outcome memory outcome) internal pure {
        vm.assertEq(outcome.revertData, "", "the operation reverted");
        vm.assertTrue(outcome.success, "the operation failed");
    }

    function readOutcomes(PackedUserOperation[] memory ops) private returns (Outcome[] memory outcomes) {
        bytes32 done = keccak256("UserOperationEvent(bytes32,address,address,uint256,bool,uint256,uint256)");
        bytes32 reverted = keccak256("UserOperationRevertReason(bytes32,address,uint256,bytes)");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        outcomes = new Outcome[](ops.length);
        for (uint256 n; n < ops.length; ++n) {
            outcomes[n].logs = logs;
            bytes32 hash = ENTRY_POINT.getUserOpHash(ops[n]);
            bool seen;
            for (uint256 i; i < logs.length; ++i) {
                if (logs[i].emitter != address(ENTRY_POINT) || logs[i].topics.length < 2) continue;
                if (logs[i].topics[1] != hash) continue;
                if (logs[i].topics[0] == done) {
                    seen = true;
                    (, outcomes[n].success) = abi.decode(logs[i].data, (uint256, bool));
                } else if (logs[i].topics[0] == reverted) {
                    (, outcomes[n].revertData) = abi.decode(logs[i].data, (uint256, bytes));
                }
            }
            vm.assertTrue(seen, "the EntryPoint reported the operation");
        }
    }
}
