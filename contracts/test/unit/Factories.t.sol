// SPDX-License-Identifier: MIT
// Both factories: predictable addresses, provenance, what a cluster may be made of, and its one configuration.
pragma solidity 0.8.30;

import {ClusterDiamond} from "../../src/ClusterDiamond.sol";
import {ClusterDiamondFactory} from "../../src/factory/ClusterDiamondFactory.sol";
import {ClusterInit} from "../../src/factory/ClusterInit.sol";
import {ClusterMemberFactory} from "../../src/factory/ClusterMemberFactory.sol";
import {IClusterMember} from "../../src/interfaces/IClusterMember.sol";
import "../../src/types/Errors.sol";
import {AttestorConfig, CoreConfig} from "../../src/types/MemberTypes.sol";
import {Chain, ICluster} from "../utils/Chain.sol";
import {IERC2535DiamondCut} from "@solidstate/contracts/interfaces/IERC2535DiamondCut.sol";
import {IERC2535DiamondCutInternal} from "@solidstate/contracts/interfaces/IERC2535DiamondCutInternal.sol";

contract FactoriesTest is Chain {
    bytes32 internal constant SALT = keccak256("salt");

    event MemberDeployed(address indexed member, address indexed cluster, bytes32 salt);
    event ClusterDeployed(address indexed cluster, address indexed clusterOwner, bytes32 salt);
    event AttestorApproved(address indexed facet);
    event AttestorRevoked(address indexed facet);

    function testFuzz_aMembersAddressIsPredicted(bytes32 salt) public {
        address predicted = memberFactory.predictMemberAddress(address(cluster), salt);
        vm.assertFalse(memberFactory.isOurMember(predicted), "not yet");
        vm.expectEmit(address(memberFactory));
        emit MemberDeployed(predicted, address(cluster), salt);
        vm.assertEq(memberFactory.deployMember(address(cluster), salt), predicted, "address");
        vm.assertTrue(memberFactory.isOurMember(predicted), "provenance");
        vm.assertEq(memberFactory.deployedMembers(0), predicted, "by number");
        vm.assertEq(IClusterMember(predicted).cluster(), address(cluster), "cluster");
        (bool again,) =
            address(memberFactory).call(abi.encodeCall(memberFactory.deployMember, (address(cluster), salt)));
        vm.assertFalse(again, "deployed twice");
    }

    function test_aMemberNeedsAClusterWithCode() public {
        expectRevert(
            abi.encodeWithSelector(NoCodeAt.selector, address(0x99)),
            address(memberFactory),
            abi.encodeCall(memberFactory.deployMember, (address(0x99), SALT))
        );
    }

    function test_aMemberFactoryNeedsAnImplementation() public {
        vm.assertEq(memberFactory.implementation(), address(memberImplementation), "implementation");
        try new ClusterMemberFactory(address(0x99)) {
            vm.assertTrue(false, "made without code");
        } catch (bytes memory reason) {
            vm.assertEq(reason, abi.encodeWithSelector(NoCodeAt.selector, address(0x99)), "reason");
        }
    }

    function test_aClustersAddressIsPredicted() public {
        address predicted = clusterFactory.predictClusterAddress(coreConfig(20), dstackConfig(), SALT);
        vm.assertFalse(clusterFactory.isDeployedCluster(predicted), "not yet");
        vm.expectEmit(address(clusterFactory));
        emit ClusterDeployed(predicted, OWNER, SALT);
        ICluster made = undecidedCluster(20, SALT);
        vm.assertEq(address(made), predicted, "address");
        vm.assertTrue(clusterFactory.isDeployedCluster(predicted), "provenance");
        vm.assertEq(clusterFactory.deployedClusters(1), predicted, "by number");
        vm.assertEq(made.clusterOwner(), OWNER, "cluster owner");
        vm.assertEq(made.owner(), address(clusterFactory), "the factory until acceptance");
        vm.assertEq(made.nomineeOwner(), OWNER, "nominee");
        (uint32 ip, uint8 prefix) = made.meshCidr();
        vm.assertEq(ip, NETWORK, "network");
        vm.assertEq(prefix, 20, "prefix");
    }

    function test_onlyApprovedAttestorsAreInstalled() public {
        vm.assertEq(clusterFactory.approvedAttestors().length, 1, "the dstack attestor alone by default");
        vm.assertFalse(clusterFactory.isApprovedAttestor(address(operatorFacet)), "not the operator attestor");
        AttestorConfig[] memory attestors = new AttestorConfig[](1);
        attestors[0] = AttestorConfig(address(operatorFacet), abi.encode(new address[](0)));
        bytes memory deploy = abi.encodeCall(clusterFactory.deployCluster, (coreConfig(16), attestors, SALT));
        expectRevert(AttestorNotApproved.selector, address(clusterFactory), deploy);

        vm.expectEmit(address(clusterFactory));
        emit AttestorApproved(address(operatorFacet));
        onlyBy(
            OWNER,
            NotFactoryOwner.selector,
            address(clusterFactory),
            abi.encodeCall(clusterFactory.addApprovedAttestor, address(operatorFacet))
        );
        raw(address(clusterFactory), deploy);
        vm.expectEmit(address(clusterFactory));
        emit AttestorRevoked(address(operatorFacet));
        onlyBy(
            OWNER,
            NotFactoryOwner.selector,
            address(clusterFactory),
            abi.encodeCall(clusterFactory.removeApprovedAttestor, address(operatorFacet))
        );
        expectRevert(AttestorNotApproved.selector, address(clusterFactory), deploy);
    }

    function test_approvingTwiceAndRevokingNothingAreSilent() public {
        vm.recordLogs();
        address factory = address(clusterFactory);
        asOwner(OWNER, factory, abi.encodeCall(clusterFactory.addApprovedAttestor, address(dstackFacet)));
        asOwner(OWNER, factory, abi.encodeCall(clusterFactory.removeApprovedAttestor, address(operatorFacet)));
        vm.assertEq(vm.getRecordedLogs().length, 0, "no events");
        expectOwnerRevert(
            OWNER,
            abi.encodeWithSelector(NoCodeAt.selector, address(0x99)),
            factory,
            abi.encodeCall(clusterFactory.addApprovedAttestor, address(0x99))
        );
    }

    function test_aClusterFactoryNeedsAnOwnerAndFacets() public {
        vm.assertEq(clusterFactory.factoryOwner(), OWNER, "factory owner");
        vm.assertEq(clusterFactory.clusterInit(), address(clusterInit), "init");
        vm.assertEq(clusterFactory.attestFacet(), address(attestFacet), "attest facet");
        vm.assertEq(clusterFactory.messageFacet(), address(messageFacet), "message facet");
        vm.assertEq(clusterFactory.networkFacet(), address(networkFacet), "network facet");
        vm.assertEq(clusterFactory.cskFacet(), address(cskFacet), "CSK facet");
        ClusterDiamondFactory.CoreContracts memory core = coreContracts();
        expectNoFactory(address(0), core, abi.encodePacked(ZeroAddress.selector));
        core.cskFacet = address(0x99);
        expectNoFactory(OWNER, core, abi.encodeWithSelector(NoCodeAt.selector, address(0x99)));
    }

    function test_aClusterWithABadConfigurationIsNotDeployed() public {
        CoreConfig memory core = coreConfig(16);
        core.clusterOwner = address(0);
        expectNoCluster(core, abi.encodePacked(ZeroAddress.selector));
        core = coreConfig(16);
        core.memberFactory = address(0x99);
        expectNoCluster(core, abi.encodeWithSelector(NoCodeAt.selector, address(0x99)));
        expectNoCluster(coreConfig(30), abi.encodePacked(InvalidMeshCidr.selector));
    }

    function test_aClusterIsConfiguredOnce() public {
        bytes memory init = abi.encodeCall(ClusterInit.init, (coreConfig(16), new AttestorConfig[](0)));
        expectRevert(NotDiamondContext.selector, address(clusterInit), init);
        IERC2535DiamondCutInternal.FacetCut[] memory none = new IERC2535DiamondCutInternal.FacetCut[](0);
        expectOwnerRevert(
            OWNER,
            abi.encodePacked(AlreadyInitialized.selector),
            address(cluster),
            abi.encodeCall(IERC2535DiamondCut.diamondCut, (none, address(clusterInit), init))
        );
    }

    function test_noManifestHoldsTheDiamondsOwnSelectors() public {
        // they would make the cut revert; deployment with every facet proves that they do not
        AttestorConfig[] memory both = new AttestorConfig[](2);
        both[0] = dstackConfig()[0];
        both[1] = AttestorConfig(address(operatorFacet), abi.encode(new address[](0)));
        asOwner(
            OWNER,
            address(clusterFactory),
            abi.encodeCall(clusterFactory.addApprovedAttestor, address(operatorFacet))
        );
        clusterFactory.deployCluster(coreConfig(16), both, SALT);
    }

    function test_aDiamondTakesMoneyAndItsOwnerCouldFetchItByACut() public {
        (bool sent,) = address(cluster).call{value: 1}("");
        vm.assertTrue(sent, "accepted like any SolidState diamond");
    }

    function expectNoFactory(
        address owner,
        ClusterDiamondFactory.CoreContracts memory core,
        bytes memory expected
    ) internal {
        try new ClusterDiamondFactory(owner, core) {
            vm.assertTrue(false, "a factory was made");
        } catch (bytes memory reason) {
            vm.assertEq(reason, expected, "reason");
        }
    }

    function expectNoCluster(CoreConfig memory core, bytes memory expected) internal {
        expectRevert(
            expected,
            address(clusterFactory),
            abi.encodeCall(clusterFactory.deployCluster, (core, dstackConfig(), SALT))
        );
    }
}
