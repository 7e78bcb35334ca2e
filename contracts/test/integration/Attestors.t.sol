// SPDX-License-Identifier: MIT
// Cuts that add and remove attestors: a second attestor for a member, and a facet that comes back with nothing of
// its former lists.
pragma solidity 0.8.30;

import {IAttestorFacet, IFacet} from "../../src/interfaces/IAttestorFacet.sol";
import {IOperatorFacet} from "../../src/interfaces/IOperatorFacet.sol";
import {AppBootInfo, DstackInit} from "../../src/types/DstackTypes.sol";
import "../../src/types/Errors.sol";
import {OperatorProof} from "../../src/types/OperatorTypes.sol";
import {Chain, Node, Outcome} from "../utils/Chain.sol";
import {IERC2535DiamondCut} from "@solidstate/contracts/interfaces/IERC2535DiamondCut.sol";
import {IERC2535DiamondCutInternal} from "@solidstate/contracts/interfaces/IERC2535DiamondCutInternal.sol";

contract AttestorsTest is Chain {
    uint256 internal constant SIGNER_KEY = 0x5167e4;
    bytes32 internal constant OPERATOR_ID = keccak256("attestmesh.attestor.operator");
    bytes4 internal constant NO_FACET = bytes4(keccak256("Proxy__ImplementationIsNotContract()"));

    event OperatorMemberRegistered(bytes32 indexed memberId, address indexed signer, address ownerKey);
    event OperatorSignerAdded(address indexed signer);
    event OperatorSignerRemoved(address indexed signer);

    IOperatorFacet internal operators;

    function setUp() public override {
        super.setUp();
        operators = IOperatorFacet(address(cluster));
    }

    function test_theOperatorFacetIsNotThereByDefault() public {
        expectRevert(NO_FACET, address(cluster), abi.encodeCall(operators.operatorSigners, ()));
    }

    function test_onlyTheDiamondOwnerCuts() public {
        (bool success,) =
            address(cluster).call(addCall(IAttestorFacet(address(operatorFacet)), operatorInit()));
        vm.assertFalse(success, "a stranger cut");
    }

    function test_aVoucherAdmitsAMember() public {
        addOperator();
        Node memory node = newNode(1);
        vm.expectEmit(address(cluster));
        emit OperatorMemberRegistered(operatorIdOf(node), vm.addr(SIGNER_KEY), vm.addr(node.ownerKey));
        mustAct(node, operatorCall(node, voucher(node)));
        vm.assertEq(cluster.memberOf(node.member).attestorId, OPERATOR_ID, "attestor");
        vm.assertEq(cluster.memberIdOf(node.member), operatorIdOf(node), "id");
        vm.assertEq(memberOwner(node.member), vm.addr(node.ownerKey), "owner");
    }

    function test_eachFieldOfAVoucherIsChecked() public {
        addOperator();
        Node memory node = newNode(1);
        OperatorProof memory proof = voucher(node);
        expectRevert(CallerNotMember.selector, address(cluster), operatorCall(node, proof));

        proof.expiry = uint64(block.timestamp - 1);
        expectActRevert(VoucherExpired.selector, node, operatorCall(node, signed(node, proof)));
        proof.expiry = uint64(block.timestamp);
        proof.signature[0] ^= 0x01;
        // the account itself sees that the voucher is not by the signer it names
        expectRefused(operation(node, operatorCall(node, proof)), "AA24 signature error");
        mustAct(node, operatorCall(node, signed(node, proof)));
    }

    function test_aMemberWithAnOwnerIsRefusedByTheFacetAlone() public {
        // with an owner the account lets everything through, so the facet's own checks answer
        addOperator();
        Node memory node = newNode(1);
        mustAct(node, operatorCall(node, voucher(node)));
        asClusterOwner(abi.encodeCall(cluster.removeMember, operatorIdOf(node)));
        expectActRevert(MemberBarred.selector, node, operatorCall(node, voucher(node)));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, operatorIdOf(node)));

        OperatorProof memory proof = voucher(node);
        proof.signature[0] ^= 0x01;
        expectActRevert(BindingMismatch.selector, node, operatorCall(node, proof));
        proof = voucher(node);
        proof.ownerKey = address(0);
        expectActRevert(ZeroAddress.selector, node, operatorCall(node, signed(node, proof)));
        mustAct(node, operatorCall(node, voucher(node)));
    }

    function test_aSignerOffTheListVouchesForNobody() public {
        addOperator();
        vm.expectEmit(address(cluster));
        emit OperatorSignerRemoved(vm.addr(SIGNER_KEY));
        onlyBy(
            OWNER,
            NotClusterOwner.selector,
            address(cluster),
            abi.encodeCall(operators.removeOperatorSigner, vm.addr(SIGNER_KEY))
        );
        Node memory node = newNode(1);
        expectActRevert(OperatorSignerNotAllowed.selector, node, operatorCall(node, voucher(node)));
    }

    function test_aVoucherIsForFactoryMembersOnly() public {
        addOperator();
        Node memory node = foreignNode(1);
        asClusterOwner(abi.encodeCall(cluster.addAllowedAppId, node.member));
        expectActRevert(NotOurMember.selector, node, operatorCall(node, voucher(node)));
    }

    function test_aSecondAttestorForAMemberIsRefused() public {
        addOperator();
        Node memory byDstack = registered(1);
        expectActRevert(AlreadyRegistered.selector, byDstack, operatorCall(byDstack, voucher(byDstack)));
        Node memory byOperator = newNode(2);
        mustAct(byOperator, operatorCall(byOperator, voucher(byOperator)));
        expectActRevert(AlreadyRegistered.selector, byOperator, registerCall(byOperator));
    }

    function test_aReadmittedMemberReturnsThroughItsOwnAttestor() public {
        addOperator();
        Node memory node = registered(1);
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(node)));
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(node)));
        expectActRevert(
            abi.encodeWithSelector(WrongAttestor.selector, DSTACK_ID), node, operatorCall(node, voucher(node))
        );
        register(node);
    }

    function test_theSignerListIsBoundedAndKept() public {
        addOperator();
        bytes memory zero = abi.encodeCall(operators.addOperatorSigner, address(0));
        expectOwnerRevert(OWNER, abi.encodePacked(ZeroAddress.selector), address(cluster), zero);
        bytes memory again = abi.encodeCall(operators.addOperatorSigner, vm.addr(SIGNER_KEY));
        onlyBy(OWNER, NotClusterOwner.selector, address(cluster), again);
        vm.assertEq(operators.operatorSigners().length, 1, "listed once");
        asClusterOwner(abi.encodeCall(operators.removeOperatorSigner, address(0x9999)));
        for (uint160 i = 1; i < 64; ++i) {
            asClusterOwner(abi.encodeCall(operators.addOperatorSigner, address(i)));
        }
        vm.assertEq(operators.operatorSigners().length, 64, "full");
        vm.assertTrue(operators.isOperatorSigner(address(63)), "the last");
        expectOwnerRevert(
            OWNER,
            abi.encodePacked(TooManySigners.selector),
            address(cluster),
            abi.encodeCall(operators.addOperatorSigner, address(64))
        );
    }

    function test_aFacetRemovedAndAddedAgainRevivesNothing() public {
        addOperator();
        asClusterOwner(abi.encodeCall(cluster.addAllowedAppId, address(0xa99)));
        asClusterOwner(abi.encodeCall(cluster.setAllowLegacyRegistration, true));
        asClusterOwner(abi.encodeCall(cluster.setAllowAnyDevice, true));
        Node memory node = registered(1);

        asClusterOwner(removeCall(IAttestorFacet(address(dstackFacet))));
        asClusterOwner(removeCall(IAttestorFacet(address(operatorFacet))));
        expectRevert(NO_FACET, address(cluster), abi.encodeCall(cluster.allowedKmsRoots, KMS_ROOT));
        vm.assertFalse(cluster.supportsInterface(0x1e079198), "no boot gate");
        vm.assertFalse(cluster.supportsInterface(0x8fd37527), "no management");
        vm.assertTrue(cluster.isClusterMember(node.member), "members stay");

        DstackInit memory empty;
        asClusterOwner(addCall(IAttestorFacet(address(dstackFacet)), abi.encode(empty)));
        asClusterOwner(addCall(IAttestorFacet(address(operatorFacet)), abi.encode(new address[](0))));
        vm.assertFalse(cluster.allowedKmsRoots(KMS_ROOT), "root");
        vm.assertFalse(cluster.allowedComposeHashes(COMPOSE_HASH), "compose hash");
        vm.assertFalse(cluster.allowedDeviceIds(DEVICE), "device");
        vm.assertFalse(cluster.allowedAppIds(address(0xa99)), "app id");
        vm.assertFalse(cluster.allowLegacyRegistration(), "legacy");
        vm.assertFalse(cluster.allowAnyDevice(), "any device");
        vm.assertFalse(operators.isOperatorSigner(vm.addr(SIGNER_KEY)), "signer");
        vm.assertEq(operators.operatorSigners().length, 0, "signers");
        vm.assertTrue(cluster.supportsInterface(0x1e079198), "boot gate back");
        asClusterOwner(abi.encodeCall(cluster.addAllowedKmsRoot, KMS_ROOT));
        vm.assertTrue(cluster.allowedKmsRoots(KMS_ROOT), "new entries count");
    }

    function test_aMemberWithoutAGateIsDeniedWithAReason() public {
        Node memory node = registered(1);
        asClusterOwner(removeCall(IAttestorFacet(address(dstackFacet))));
        AppBootInfo memory info;
        (bool success, bytes memory answer) = node.member.call(abi.encodeCall(cluster.isAppAllowed, info));
        vm.assertTrue(success, "never reverts");
        (bool allowed, string memory reason) = abi.decode(answer, (bool, string));
        vm.assertFalse(allowed, "denied");
        vm.assertEq(reason, "no boot gate", "reason");
    }

    function test_aFacetsInitialisersRunInADiamondOnly() public {
        bytes4 refusal = NotDiamondContext.selector;
        IAttestorFacet[2] memory facets =
            [IAttestorFacet(address(dstackFacet)), IAttestorFacet(address(operatorFacet))];
        for (uint256 i; i < 2; ++i) {
            expectRevert(refusal, address(facets[i]), abi.encodeCall(facets[i].initAttestor, ("")));
            expectRevert(refusal, address(facets[i]), abi.encodeCall(facets[i].retireAttestor, ()));
            // delegated, but from a contract that is no configured cluster
            (bool success, bytes memory result) =
                address(facets[i]).delegatecall(abi.encodeCall(facets[i].retireAttestor, ()));
            vm.assertFalse(success, "ran outside a cluster");
            vm.assertEq(result, abi.encodePacked(refusal), "reason");
        }
    }

    // Helpers

    function addOperator() internal {
        vm.expectEmit(address(cluster));
        emit OperatorSignerAdded(vm.addr(SIGNER_KEY));
        asClusterOwner(addCall(IAttestorFacet(address(operatorFacet)), operatorInit()));
    }

    function operatorInit() internal pure returns (bytes memory) {
        address[] memory signers = new address[](1);
        signers[0] = vm.addr(SIGNER_KEY);
        return abi.encode(signers);
    }

    function operatorIdOf(Node memory node) internal view returns (bytes32) {
        return keccak256(abi.encode(address(cluster), node.member, OPERATOR_ID));
    }

    function voucher(Node memory node) internal view returns (OperatorProof memory proof) {
        proof.signer = vm.addr(SIGNER_KEY);
        proof.ownerKey = vm.addr(node.ownerKey);
        proof.expiry = uint64(block.timestamp + 60);
        return signed(node, proof);
    }

    function signed(Node memory node, OperatorProof memory proof)
        internal
        view
        returns (OperatorProof memory)
    {
        bytes32 bound = keccak256(
            abi.encode(
                "attestmesh.operator.bind.v1",
                address(cluster),
                node.member,
                node.xPubKey,
                node.wgPubKey,
                proof.ownerKey,
                proof.expiry
            )
        );
        proof.signature = sign27(SIGNER_KEY, eip191(bound));
        return proof;
    }

    function operatorCall(Node memory node, OperatorProof memory proof) internal pure returns (bytes memory) {
        return
            abi.encodeCall(
                IOperatorFacet.operator_register, (proof, node.member, node.xPubKey, node.wgPubKey)
            );
    }

    function addCall(IAttestorFacet facet, bytes memory init) internal pure returns (bytes memory) {
        return cutCall(
            address(facet),
            IERC2535DiamondCutInternal.FacetCutAction.ADD,
            facet,
            abi.encodeCall(IAttestorFacet.initAttestor, (init))
        );
    }

    function removeCall(IAttestorFacet facet) internal pure returns (bytes memory) {
        return cutCall(
            address(0),
            IERC2535DiamondCutInternal.FacetCutAction.REMOVE,
            facet,
            abi.encodeCall(IAttestorFacet.retireAttestor, ())
        );
    }

    function cutCall(
        address target,
        IERC2535DiamondCutInternal.FacetCutAction action,
        IAttestorFacet facet,
        bytes memory init
    ) internal pure returns (bytes memory) {
        IERC2535DiamondCutInternal.FacetCut[] memory cuts = new IERC2535DiamondCutInternal.FacetCut[](1);
        cuts[0] = IERC2535DiamondCutInternal.FacetCut(target, action, facet.selectorManifest());
        return abi.encodeCall(IERC2535DiamondCut.diamondCut, (cuts, address(facet), init));
    }
}
