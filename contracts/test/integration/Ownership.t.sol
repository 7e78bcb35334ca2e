// SPDX-License-Identifier: MIT
// The two owners of a cluster: rotating one or both, and nominations that nobody used.
pragma solidity 0.8.30;

import "../../src/types/Errors.sol";
import {Chain} from "../utils/Chain.sol";

contract OwnershipTest is Chain {
    address internal constant NEXT = address(0x0222);
    bytes4 internal constant NOT_NOMINEE = bytes4(keccak256("SafeOwnable__NotNomineeOwner()"));
    bytes4 internal constant NOT_DIAMOND_OWNER = bytes4(keccak256("Ownable__NotOwner()"));

    event ClusterOwnershipTransferProposed(address indexed newOwner);
    event ClusterOwnershipTransferAccepted(address indexed newOwner);
    event BothOwnersTransferProposed(address indexed newOwner);
    event BothOwnersTransferAccepted(address indexed newOwner);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    function test_theClusterOwnerRotatesAlone() public {
        bytes memory propose = abi.encodeCall(cluster.transferClusterOwnership, NEXT);
        vm.expectEmit(address(cluster));
        emit ClusterOwnershipTransferProposed(NEXT);
        onlyBy(OWNER, NotClusterOwner.selector, address(cluster), propose);
        vm.assertEq(cluster.clusterOwner(), OWNER, "not before acceptance");
        vm.assertEq(cluster.pendingClusterOwner(), NEXT, "proposed");
        vm.expectEmit(address(cluster));
        emit ClusterOwnershipTransferAccepted(NEXT);
        onlyBy(
            NEXT,
            NotClusterOwner.selector,
            address(cluster),
            abi.encodeCall(cluster.acceptClusterOwnership, ())
        );
        vm.assertEq(cluster.clusterOwner(), NEXT, "accepted");
        vm.assertEq(cluster.pendingClusterOwner(), address(0), "nothing pending");
        vm.assertEq(cluster.owner(), OWNER, "the diamond's owner stays");
    }

    function test_theDiamondOwnerRotatesAlone() public {
        onlyBy(OWNER, NOT_DIAMOND_OWNER, address(cluster), abi.encodeCall(cluster.transferOwnership, NEXT));
        onlyBy(NEXT, NOT_NOMINEE, address(cluster), abi.encodeCall(cluster.acceptOwnership, ()));
        vm.assertEq(cluster.owner(), NEXT, "diamond");
        vm.assertEq(cluster.clusterOwner(), OWNER, "the cluster's owner stays");
    }

    function test_bothOwnersRotateAtOnce() public {
        vm.expectEmit(address(cluster));
        emit BothOwnersTransferProposed(NEXT);
        onlyBy(
            OWNER,
            NotClusterOwner.selector,
            address(cluster),
            abi.encodeCall(cluster.transferBothOwners, NEXT)
        );
        vm.expectEmit(address(cluster));
        emit OwnershipTransferred(OWNER, NEXT);
        vm.expectEmit(address(cluster));
        emit BothOwnersTransferAccepted(NEXT);
        onlyBy(NEXT, NotClusterOwner.selector, address(cluster), abi.encodeCall(cluster.acceptBothOwners, ()));
        vm.assertEq(cluster.owner(), NEXT, "diamond");
        vm.assertEq(cluster.clusterOwner(), NEXT, "cluster");
        vm.assertEq(cluster.nomineeOwner(), address(0), "no nominee");
        vm.assertEq(cluster.pendingClusterOwner(), address(0), "nobody pending");
    }

    function test_holdingOneRoleIsNotEnoughToProposeBoth() public {
        rotateDiamondTo(NEXT);
        bytes memory call = abi.encodeCall(cluster.transferBothOwners, NEXT);
        bytes memory refusal = abi.encodePacked(NotClusterOwner.selector);
        expectOwnerRevert(NEXT, refusal, address(cluster), call);
        expectOwnerRevert(OWNER, refusal, address(cluster), call);
    }

    function test_beingNomineeOfOneRoleIsNotEnoughToAcceptBoth() public {
        bytes memory accept = abi.encodeCall(cluster.acceptBothOwners, ());
        bytes memory refusal = abi.encodePacked(NotClusterOwner.selector);
        asClusterOwner(abi.encodeCall(cluster.transferOwnership, NEXT));
        expectOwnerRevert(NEXT, refusal, address(cluster), accept);
        asClusterOwner(abi.encodeCall(cluster.transferBothOwners, NEXT));
        asClusterOwner(abi.encodeCall(cluster.transferOwnership, address(0)));
        expectOwnerRevert(NEXT, refusal, address(cluster), accept);
    }

    /// @dev The deployer's nominee never accepted the diamond, then handed the cluster on.
    function test_theOldOwnersForgottenNominationPassesOn() public {
        cluster = undecidedCluster(16, bytes32(uint256(1)));
        vm.assertEq(cluster.nomineeOwner(), OWNER, "nominated at deployment");
        rotateClusterTo(NEXT);
        vm.assertEq(cluster.nomineeOwner(), NEXT, "the nomination went with the cluster");
        expectOwnerRevert(
            OWNER,
            abi.encodePacked(NOT_NOMINEE),
            address(cluster),
            abi.encodeCall(cluster.acceptOwnership, ())
        );
        asOwner(NEXT, address(cluster), abi.encodeCall(cluster.acceptOwnership, ()));
        vm.assertEq(cluster.owner(), NEXT, "the new owner cuts");
    }

    function test_aNominationOfSomebodyElseStays() public {
        address third = address(0x0333);
        asClusterOwner(abi.encodeCall(cluster.transferOwnership, third));
        rotateClusterTo(NEXT);
        vm.assertEq(cluster.nomineeOwner(), third, "not the old owner's own");
    }

    function test_aProposalCanBeWithdrawn() public {
        asClusterOwner(abi.encodeCall(cluster.transferClusterOwnership, NEXT));
        asClusterOwner(abi.encodeCall(cluster.transferClusterOwnership, address(0)));
        expectOwnerRevert(
            NEXT,
            abi.encodePacked(NotClusterOwner.selector),
            address(cluster),
            abi.encodeCall(cluster.acceptClusterOwnership, ())
        );
    }

    function rotateClusterTo(address next) internal {
        asClusterOwner(abi.encodeCall(cluster.transferClusterOwnership, next));
        asOwner(next, address(cluster), abi.encodeCall(cluster.acceptClusterOwnership, ()));
    }

    function rotateDiamondTo(address next) internal {
        asClusterOwner(abi.encodeCall(cluster.transferOwnership, next));
        asOwner(next, address(cluster), abi.encodeCall(cluster.acceptOwnership, ()));
    }
}
