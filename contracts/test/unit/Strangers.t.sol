// SPDX-License-Identifier: MIT
// Every external function of a cluster and of a member, called by a stranger with anything: nothing is written, and
// the answer is a refusal or a view.
pragma solidity 0.8.30;

import {IFacet} from "../../src/interfaces/IAttestorFacet.sol";
import {IClusterMember} from "../../src/interfaces/IClusterMember.sol";
import {Stranger} from "../utils/Base.sol";
import {Chain, Node} from "../utils/Chain.sol";

contract StrangersTest is Chain {
    Stranger internal stranger;
    Node internal node;
    bytes4[] internal clusterSelectors;
    bytes4[] internal memberSelectors;

    function setUp() public override {
        super.setUp();
        stranger = new Stranger();
        node = registered(1);
        address[5] memory facets = [
            address(attestFacet),
            address(messageFacet),
            address(networkFacet),
            address(cskFacet),
            address(dstackFacet)
        ];
        for (uint256 i; i < facets.length; ++i) {
            bytes4[] memory manifest = IFacet(facets[i]).selectorManifest();
            for (uint256 j; j < manifest.length; ++j) {
                clusterSelectors.push(manifest[j]);
            }
        }
        // the diamond's own, and the member account's
        bytes4[12] memory own = [
            bytes4(0x1f931c1c), // diamondCut
            bytes4(keccak256("setFallbackAddress(address)")),
            bytes4(keccak256("transferOwnership(address)")),
            bytes4(keccak256("acceptOwnership()")),
            bytes4(keccak256("facets()")),
            bytes4(keccak256("facetAddress(bytes4)")),
            bytes4(keccak256("supportsInterface(bytes4)")),
            bytes4(keccak256("initAttestor(bytes)")),
            bytes4(keccak256("retireAttestor()")),
            bytes4(keccak256("init((address,uint32,uint8,address),(address,bytes)[])")),
            bytes4(keccak256("attestorId()")),
            bytes4(keccak256("selectorManifest()"))
        ];
        for (uint256 i; i < own.length; ++i) {
            clusterSelectors.push(own[i]);
        }
        memberSelectors = [
            bytes4(0xb61d27f6),
            bytes4(0x19822f7c),
            IClusterMember.initialize.selector,
            bytes4(0x319e8561),
            IClusterMember.__setOwnerFromCluster.selector,
            bytes4(keccak256("upgradeToAndCall(address,bytes)")),
            bytes4(keccak256("proxiableUUID()")),
            bytes4(keccak256("addComposeHash(bytes32)")),
            bytes4(keccak256("removeComposeHash(bytes32)")),
            bytes4(keccak256("addDevice(bytes32)")),
            bytes4(keccak256("removeDevice(bytes32)")),
            bytes4(keccak256("setAllowAnyDevice(bool)")),
            bytes4(keccak256("setRequireTcbUpToDate(bool)")),
            bytes4(0x1e079198)
        ];
    }

    function testFuzz_aStrangerChangesNothingInACluster(uint256 which, bytes memory arguments) public {
        tryAll(address(cluster), clusterSelectors, which, arguments);
    }

    function testFuzz_aStrangerChangesNothingInAMember(uint256 which, bytes memory arguments) public {
        tryAll(node.member, memberSelectors, which, arguments);
    }

    /// @dev Arguments that decode: words of everything a function could take, pointing into themselves.
    function testFuzz_norWithWellFormedWords(uint256 which, bytes32[8] memory words) public {
        for (uint256 i; i < words.length; ++i) {
            // small values decode as flags, numbers, addresses and offsets alike
            if (uint256(words[i]) % 2 == 0) words[i] = bytes32(uint256(words[i]) % 512);
        }
        tryAll(address(cluster), clusterSelectors, which, abi.encode(words));
        tryAll(node.member, memberSelectors, which, abi.encode(words));
        words[0] = idOf(node);
        tryAll(address(cluster), clusterSelectors, which, abi.encode(words));
        words[0] = bytes32(uint256(uint160(node.member)));
        tryAll(address(cluster), clusterSelectors, which, abi.encode(words));
    }

    /// @dev The control: the same look sees a member's own write.
    function test_aMembersWriteIsSeen() public {
        vm.record();
        mustAct(node, abi.encodeCall(cluster.publishEd25519Key, keccak256("key")));
        (, bytes32[] memory writes) = vm.accesses(address(cluster));
        vm.assertEq(writes.length, 1, "one slot");
    }

    function testFuzz_unknownFunctionsAreRefused(bytes4 selector, bytes memory arguments) public {
        for (uint256 i; i < clusterSelectors.length; ++i) {
            vm.assume(selector != clusterSelectors[i]);
        }
        tryAll(address(cluster), toArray(selector), 0, arguments);
    }

    function tryAll(address target, bytes4[] memory selectors, uint256 which, bytes memory arguments)
        internal
    {
        bytes4 selector = selectors[which % selectors.length];
        vm.record();
        stranger.call(target, abi.encodePacked(selector, arguments));
        (, bytes32[] memory clusterWrites) = vm.accesses(address(cluster));
        (, bytes32[] memory memberWrites) = vm.accesses(node.member);
        vm.assertEq(clusterWrites.length, 0, "a stranger wrote to the cluster");
        vm.assertEq(memberWrites.length, 0, "a stranger wrote to a member");
    }

    function toArray(bytes4 selector) internal pure returns (bytes4[] memory list) {
        list = new bytes4[](1);
        list[0] = selector;
    }
}
