// SPDX-License-Identifier: MIT
// What members' calls cost, each in a transaction of its own (forge test --isolate), so that every slot is cold.
// Measured around the call into the diamond. The figures go to contracts/snapshots/; the limits are asserted.
pragma solidity 0.8.30;

import {MemberStorage} from "../../src/storage/MemberStorage.sol";
import {MemberView} from "../../src/types/MemberTypes.sol";
import {Chain, ICluster, Node} from "../utils/Chain.sol";
import {ProbeMember} from "../utils/ProbeMember.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";

/// forge-config: default.isolate = true
contract GasTest is Chain {
    uint256 internal constant REGISTER_LIMIT = 420_000;
    uint256 internal constant SEND_300_LIMIT = 75_000;
    uint256 internal constant COMMIT_LIMIT = 90_000;
    uint256 internal constant PAGE_1000_LIMIT = 50_000_000;
    uint256 internal constant LAST_ADDRESS_LIMIT = 1_200_000;

    ProbeMember internal probeImplementation;

    function setUp() public override {
        super.setUp();
        probeImplementation = new ProbeMember();
    }

    function test_registration() public {
        registered(1);
        Node memory node = probeNode(2);
        record("register", measure(node, registerCall(node)), REGISTER_LIMIT);
        // the second of its kind, in a mesh word that is in use
        node = probeNode(3);
        record("register third", measure(node, registerCall(node)), REGISTER_LIMIT);
    }

    function test_send300Bytes() public {
        Node memory node = probeNode(1);
        register(node);
        Node memory peer = registered(2);
        bytes memory call = abi.encodeCall(cluster.send, (idOf(peer), keccak256("envelope"), new bytes(300)));
        record("send_300", measure(node, call), SEND_300_LIMIT);
    }

    function test_commitments() public {
        Node memory node = probeNode(1);
        register(node);
        registered(2);
        record(
            "set_csk_commitment",
            measure(node, abi.encodeCall(cluster.setCskCommitment, keccak256("1"))),
            COMMIT_LIMIT
        );
        asClusterOwner(abi.encodeCall(cluster.requestCskRotation, ()));
        record(
            "commit_csk", measure(node, abi.encodeCall(cluster.commitCsk, (2, keccak256("2")))), COMMIT_LIMIT
        );
    }

    function test_keyPublication() public {
        Node memory node = probeNode(1);
        register(node);
        record(
            "publish_wg", measure(node, abi.encodeCall(cluster.publishWgKey, keccak256("k"))), COMMIT_LIMIT
        );
        record(
            "publish_ed25519",
            measure(node, abi.encodeCall(cluster.publishEd25519Key, keccak256("k"))),
            COMMIT_LIMIT
        );
    }

    function test_aPageOfAThousandMembers() public {
        for (uint256 i; i < 1000; ++i) {
            registered(i);
        }
        // a call of its own, as eth_call makes it
        uint256 used = this.readPage(1000);
        record("members_page_1000", used, PAGE_1000_LIMIT);
        Node memory node = probeNode(1000);
        record("register after 1000", measure(node, registerCall(node)), REGISTER_LIMIT);
    }

    function test_theLastAddressOfASmallNetwork() public {
        record("register_last_of_24", lastAddress(24), LAST_ADDRESS_LIMIT);
    }

    function test_theLastAddressOfALargeNetwork() public {
        record("register_last_of_16", lastAddress(16), LAST_ADDRESS_LIMIT);
    }

    function readPage(uint32 count) external view returns (uint256 used) {
        bytes memory call = abi.encodeCall(cluster.members, (0, count));
        used = gasleft();
        (bool success, bytes memory answer) = address(cluster).staticcall(call);
        used -= gasleft();
        vm.assertTrue(success, "the page reverted");
        (MemberView[] memory page, uint32 next) = abi.decode(answer, (MemberView[], uint32));
        vm.assertTrue(page.length == count && next == 0, "the whole cluster");
    }

    /// @dev A registration when every address but the worst-placed one is taken: the one just before the first
    ///      choice, which the search reaches last.
    function lastAddress(uint8 prefix) internal returns (uint256) {
        cluster = deployCluster(prefix, bytes32(uint256(prefix)));
        registered(1);
        Node memory node = probeNode(2);
        uint256 hosts = uint256(1) << (32 - prefix);
        uint256 worst = (cluster.meshIpOf(idOf(node)) & (hosts - 1)) - 1;
        if (worst == 0) worst = hosts - 2;
        // hostBits is the tenth field, at slot 9 of the layout
        uint256 slot = uint256(MemberStorage.SLOT) + 9;
        for (uint256 word; word < hosts / 256; ++word) {
            uint256 bits = type(uint256).max;
            if (word == worst / 256) bits &= ~(uint256(1) << (worst % 256));
            vm.store(address(cluster), keccak256(abi.encode(word, slot)), bytes32(bits));
        }
        uint256 used = measure(node, registerCall(node));
        vm.assertEq(cluster.meshIpOf(idOf(node)), NETWORK | worst, "the last address");
        return used;
    }

    function probeNode(uint256 number) internal returns (Node memory node) {
        node = newNode(number);
        asOwner(
            OWNER,
            node.member,
            abi.encodeCall(UUPSUpgradeable.upgradeToAndCall, (address(probeImplementation), ""))
        );
    }

    function measure(Node memory node, bytes memory call) internal returns (uint256 gas) {
        (gas,) = ProbeMember(payable(node.member)).probe(address(cluster), call);
    }

    function record(string memory name, uint256 gas, uint256 limit) internal {
        vm.snapshotValue("gas", name, gas);
        vm.assertLe(gas, limit, name);
    }
}
