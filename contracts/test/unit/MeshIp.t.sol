// SPDX-License-Identifier: MIT
// Mesh addresses: upstream's first choice, the next free one on collision, networks filled to the last address.
pragma solidity 0.8.30;

import {MeshIpLib} from "../../src/libraries/MeshIpLib.sol";
import {MemberStorage} from "../../src/storage/MemberStorage.sol";
import "../../src/types/Errors.sol";
import {Base} from "../utils/Base.sol";

/// @notice The library from outside; every instance is one network.
contract MeshHarness {
    constructor(uint32 network, uint8 prefix) {
        MeshIpLib.configure(network, prefix);
    }

    function firstChoice(bytes32 id) external view returns (uint32) {
        return MeshIpLib.firstChoice(id);
    }

    function assign(bytes32 id) external returns (uint32) {
        return MeshIpLib.assign(id);
    }

    function ip6(address cluster, bytes32 id) external pure returns (bytes16) {
        return MeshIpLib.ip6(cluster, id);
    }

    function lowestBit(uint256 word) external pure returns (uint256) {
        return MeshIpLib.lowestBit(word);
    }

    /// @dev Give out every host number from `from` on but `except`.
    function fill(uint256 words, uint256 except) external {
        MemberStorage.Layout storage l = MemberStorage.layout();
        for (uint256 i; i < words; ++i) {
            l.hostBits[i] = type(uint256).max;
        }
        l.hostBits[except / 256] &= ~(uint256(1) << (except % 256));
    }
}

contract MeshIpTest is Base {
    uint32 internal constant NETWORK = 0x0a0d0000;

    function test_theFirstChoiceIsUpstreams() public {
        // id 1 in upstream's test network 10.13.0.0/16
        vm.assertEq(new MeshHarness(NETWORK, 16).firstChoice(bytes32(uint256(1))), 168_656_109, "id 1");
    }

    function test_networksAtTheirBounds() public {
        new MeshHarness(0x0a000000, 8);
        new MeshHarness(NETWORK, 29);
        expectBadNetwork(NETWORK, 30);
        expectBadNetwork(0x0a000000, 7);
        expectBadNetwork(NETWORK, 0);
        expectBadNetwork(NETWORK, 32);
        expectBadNetwork(NETWORK, 255);
        expectBadNetwork(NETWORK | 1, 16);
        expectBadNetwork(NETWORK, 12);
    }

    function test_everyPrefixGivesOutItsHostsAndNoMore() public {
        for (uint8 prefix = 29; prefix >= 22; --prefix) {
            MeshHarness mesh = new MeshHarness(NETWORK, prefix);
            uint256 hosts = uint256(1) << (32 - prefix);
            bool[] memory seen = new bool[](hosts);
            for (uint256 i; i < hosts - 2; ++i) {
                uint256 host = mesh.assign(keccak256(abi.encode(i))) & (hosts - 1);
                vm.assertTrue(host != 0 && host != hosts - 1, "network or broadcast address");
                vm.assertFalse(seen[host], "given twice");
                seen[host] = true;
            }
            expectRevert(MeshFull.selector, address(mesh), abi.encodeCall(mesh.assign, (keccak256("late"))));
        }
    }

    function test_theLastAddressOfALargeNetworkIsFoundFromAnywhere() public {
        uint256[4] memory lasts = [uint256(1), 255, 256, 65_534];
        for (uint256 i; i < lasts.length; ++i) {
            MeshHarness mesh = new MeshHarness(NETWORK, 16);
            mesh.fill(256, lasts[i]);
            vm.assertEq(mesh.assign(keccak256(abi.encode(i))), NETWORK | lasts[i], "the one that was left");
            expectRevert(MeshFull.selector, address(mesh), abi.encodeCall(mesh.assign, (keccak256("late"))));
        }
    }

    function test_theSearchWrapsWithinTheFirstWord() public {
        // the free address lies below the first choice, in the same word
        MeshHarness mesh = new MeshHarness(NETWORK, 24);
        bytes32 id = keccak256("some id");
        uint256 first = mesh.firstChoice(id) & 255;
        vm.assertTrue(first > 1, "not the first host");
        mesh.fill(1, first - 1);
        vm.assertEq(mesh.assign(id), NETWORK | (first - 1), "below the first choice");
    }

    function testFuzz_theFirstAssignmentIsTheFirstChoice(bytes32 id, uint8 prefix) public {
        MeshHarness mesh = new MeshHarness(0x0a000000, uint8(clamp(prefix, 8, 29)));
        uint32 first = mesh.firstChoice(id);
        vm.assertEq(mesh.assign(id), first, "first choice");
        vm.assertTrue(mesh.assign(id) != first, "and the next is another");
    }

    function testFuzz_lowestBit(uint256 word) public {
        vm.assume(word != 0);
        uint256 bit = new MeshHarness(NETWORK, 16).lowestBit(word);
        vm.assertEq(word >> bit & 1, 1, "the bit is set");
        vm.assertEq(word & ((uint256(1) << bit) - 1), 0, "and none below it");
    }

    function test_lowestBitAtEveryPosition() public {
        MeshHarness mesh = new MeshHarness(NETWORK, 16);
        for (uint256 i; i < 256; ++i) {
            vm.assertEq(mesh.lowestBit(uint256(1) << i), i, "position");
        }
    }

    function test_ip6FromLiteralValues() public {
        // 0xfd, the first five bytes of keccak256 of the twenty address bytes, the last ten of the id
        bytes16 ip = new MeshHarness(NETWORK, 16)
            .ip6(
                0x1111111111111111111111111111111111111111,
                0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
            );
        vm.assertEq(bytes32(ip), bytes32(bytes16(0xfde2c07404b8161718191a1b1c1d1e1f)), "IPv6 address");
    }

    function expectBadNetwork(uint32 network, uint8 prefix) internal {
        try new MeshHarness(network, prefix) {
            vm.assertTrue(false, "a bad network was accepted");
        } catch (bytes memory reason) {
            vm.assertEq(reason, abi.encodePacked(InvalidMeshCidr.selector), "reason");
        }
    }
}
