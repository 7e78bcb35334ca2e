// SPDX-License-Identifier: MIT
// Membership under an attestor that checks nothing itself: what the library holds against a careless facet of some
// later method, and the bound on members.
pragma solidity 0.8.30;

import {DiamondContext} from "../../src/libraries/DiamondContext.sol";
import {MemberLib} from "../../src/libraries/MemberLib.sol";
import {MemberStorage} from "../../src/storage/MemberStorage.sol";
import "../../src/types/Errors.sol";
import {Chain, Node} from "../utils/Chain.sol";
import {IERC2535DiamondCut} from "@solidstate/contracts/interfaces/IERC2535DiamondCut.sol";
import {IERC2535DiamondCutInternal} from "@solidstate/contracts/interfaces/IERC2535DiamondCutInternal.sol";

/// @notice Admits whoever is named.
contract CarelessFacet is DiamondContext {
    function admit(address member, bytes32 attestorId, bytes32 xPubKey, bytes32 wgPubKey)
        external
        onlyConfiguredDiamond
        returns (bytes32)
    {
        return MemberLib.register(attestorId, member, xPubKey, wgPubKey, address(0x1));
    }
}

/// @notice A proxy that no cluster ever was configured in.
contract BareProxy {
    address internal immutable TARGET;

    constructor(address target) {
        TARGET = target;
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        (bool success, bytes memory result) = TARGET.delegatecall(data);
        if (success) return result;
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }
}

contract MemberLibTest is Chain {
    CarelessFacet internal careless = new CarelessFacet();

    function setUp() public override {
        super.setUp();
        IERC2535DiamondCutInternal.FacetCut[] memory cuts = new IERC2535DiamondCutInternal.FacetCut[](1);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = CarelessFacet.admit.selector;
        cuts[0] = IERC2535DiamondCutInternal.FacetCut(
            address(careless), IERC2535DiamondCutInternal.FacetCutAction.ADD, selectors
        );
        asClusterOwner(abi.encodeCall(IERC2535DiamondCut.diamondCut, (cuts, address(0), "")));
    }

    function test_aBarredMemberIsNotAdmittedByACarelessFacet() public {
        Node memory node = registered(1);
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(node)));
        expectRevert(MemberBarred.selector, address(cluster), admitCall(node));
    }

    function test_aMemberIsNotAdmittedTwiceByACarelessFacet() public {
        Node memory node = registered(1);
        expectRevert(AlreadyRegistered.selector, address(cluster), admitCall(node));
    }

    function test_theClusterIsFullAtItsBound() public {
        bytes32 length = bytes32(uint256(MemberStorage.SLOT) + 2);
        vm.store(address(cluster), length, bytes32(uint256(65_535)));
        raw(address(cluster), admitCall(newNode(1)));
        vm.assertEq(cluster.registeredCount(), 65_536, "the last index");
        vm.assertEq(cluster.memberAt(65_535), idOf(nodeOf(1)), "and its member");
        expectRevert(ClusterFull.selector, address(cluster), admitCall(newNode(2)));
    }

    function test_facetCodeRunsInAConfiguredClusterOnly() public {
        Node memory node = newNode(1);
        bytes4 refusal = NotDiamondContext.selector;
        expectRevert(refusal, address(careless), admitCall(node));
        expectRevert(refusal, address(new BareProxy(address(careless))), admitCall(node));
        expectRevert(
            refusal,
            address(new BareProxy(address(dstackFacet))),
            abi.encodeCall(dstackFacet.retireAttestor, ())
        );
    }

    function admitCall(Node memory node) internal pure returns (bytes memory) {
        return abi.encodeCall(CarelessFacet.admit, (node.member, DSTACK_ID, node.xPubKey, node.wgPubKey));
    }

    function nodeOf(uint256 number) internal view returns (Node memory) {
        return nodeAt(memberFactory.predictMemberAddress(address(cluster), bytes32(number)), number);
    }
}
