// SPDX-License-Identifier: MIT
// The boot gate and its lists: every reason in its order, and that well-formed calldata never makes it revert.
pragma solidity 0.8.30;

import {AppBootInfo} from "../../src/types/DstackTypes.sol";
import "../../src/types/Errors.sol";
import {Chain, ICluster, Node} from "../utils/Chain.sol";

contract BootGateTest is Chain {
    event ComposeHashAdded(bytes32 indexed composeHash);
    event ComposeHashRemoved(bytes32 composeHash);
    event DeviceAdded(bytes32 deviceId);
    event DeviceRemoved(bytes32 deviceId);
    event AllowAnyDeviceSet(bool allowAny);
    event RequireTcbUpToDateSet(bool required);
    event KmsRootAdded(address indexed kmsRoot);
    event KmsRootRemoved(address indexed kmsRoot);
    event AppIdAllowed(address indexed appId);
    event AppIdDisallowed(address indexed appId);

    address internal constant APP = address(0xa99);

    function test_theReasonsComeInTheLiveOrder() public {
        asClusterOwner(abi.encodeCall(cluster.setRequireTcbUpToDate, true));
        Node memory node = registered(1);
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(node)));
        AppBootInfo memory info;
        info.appId = APP;
        denied(info, "compose hash not allowed");
        info.composeHash = COMPOSE_HASH;
        denied(info, "device not allowed");
        info.deviceId = DEVICE;
        denied(info, "appId not allowlisted");
        info.appId = node.member;
        denied(info, "tcb not up to date");
        info.tcbStatus = "OutOfDate";
        denied(info, "tcb not up to date");
        info.tcbStatus = "UpToDate";
        denied(info, "member removed");
        asClusterOwner(abi.encodeCall(cluster.readmitMember, idOf(node)));
        allowed(info);
    }

    function test_whoPasses() public {
        Node memory node = newNode(1);
        AppBootInfo memory info = bootInfo(node.member);
        denied(info, "appId not allowlisted");
        asClusterOwner(abi.encodeCall(cluster.addAllowedAppId, node.member));
        allowed(info);
        register(node);
        asClusterOwner(abi.encodeCall(cluster.removeAllowedAppId, node.member));
        allowed(info);
        info.deviceId = keccak256("another");
        denied(info, "device not allowed");
        asClusterOwner(abi.encodeCall(cluster.setAllowAnyDevice, true));
        allowed(info);
    }

    function test_anAllowlistEntryDoesNotOutweighARemoval() public {
        Node memory node = registered(1);
        asClusterOwner(abi.encodeCall(cluster.addAllowedAppId, node.member));
        asClusterOwner(abi.encodeCall(cluster.removeMember, idOf(node)));
        denied(bootInfo(node.member), "member removed");
    }

    function test_theListsAreTheOwnersAndTheirEventsAreLive() public {
        bytes32 item = keccak256("item");
        vm.expectEmit(address(cluster));
        emit ComposeHashAdded(item);
        owned(abi.encodeCall(cluster.addComposeHash, item));
        vm.assertTrue(cluster.allowedComposeHashes(item), "compose hash");
        vm.expectEmit(address(cluster));
        emit ComposeHashRemoved(item);
        owned(abi.encodeCall(cluster.removeComposeHash, item));
        vm.assertFalse(cluster.allowedComposeHashes(item), "compose hash gone");
        vm.expectEmit(address(cluster));
        emit DeviceAdded(item);
        owned(abi.encodeCall(cluster.addDevice, item));
        vm.assertTrue(cluster.allowedDeviceIds(item), "device");
        vm.expectEmit(address(cluster));
        emit DeviceRemoved(item);
        owned(abi.encodeCall(cluster.removeDevice, item));
        vm.assertFalse(cluster.allowedDeviceIds(item), "device gone");
        vm.expectEmit(address(cluster));
        emit KmsRootAdded(APP);
        owned(abi.encodeCall(cluster.addAllowedKmsRoot, APP));
        vm.assertTrue(cluster.allowedKmsRoots(APP), "root");
        vm.expectEmit(address(cluster));
        emit KmsRootRemoved(APP);
        owned(abi.encodeCall(cluster.removeAllowedKmsRoot, APP));
        vm.assertFalse(cluster.allowedKmsRoots(APP), "root gone");
        vm.expectEmit(address(cluster));
        emit AppIdAllowed(APP);
        owned(abi.encodeCall(cluster.addAllowedAppId, APP));
        vm.assertTrue(cluster.allowedAppIds(APP), "app id");
        vm.expectEmit(address(cluster));
        emit AppIdDisallowed(APP);
        owned(abi.encodeCall(cluster.removeAllowedAppId, APP));
        vm.assertFalse(cluster.allowedAppIds(APP), "app id gone");
    }

    function test_theSwitchesAreTheOwners() public {
        vm.expectEmit(address(cluster));
        emit AllowAnyDeviceSet(true);
        owned(abi.encodeCall(cluster.setAllowAnyDevice, true));
        vm.assertTrue(cluster.allowAnyDevice(), "any device");
        vm.expectEmit(address(cluster));
        emit RequireTcbUpToDateSet(true);
        owned(abi.encodeCall(cluster.setRequireTcbUpToDate, true));
        vm.assertTrue(cluster.requireTcbUpToDate(), "TCB status");
        vm.assertEq(cluster.version(), 1, "version");
    }

    function test_aMemberAnswersDstacksToolsLikeItsCluster() public {
        Node memory node = registered(1);
        ICluster member = ICluster(node.member);
        asClusterOwner(abi.encodeCall(cluster.setRequireTcbUpToDate, true));
        vm.assertTrue(member.allowedComposeHashes(COMPOSE_HASH), "compose hash");
        vm.assertFalse(member.allowedComposeHashes(DEVICE), "not a compose hash");
        vm.assertTrue(member.allowedDeviceIds(DEVICE), "device");
        vm.assertFalse(member.allowAnyDevice(), "any device");
        vm.assertTrue(member.requireTcbUpToDate(), "TCB status");
        vm.assertEq(member.version(), 1, "version");
        bytes4[4] memory supported = [bytes4(0x1e079198), 0x8fd37527, 0x01ffc9a7, 0x19822f7c];
        for (uint256 i; i < supported.length; ++i) {
            vm.assertTrue(member.supportsInterface(supported[i]), "interface");
        }
        vm.assertFalse(member.supportsInterface(0xffffffff), "the invalid interface");
        vm.assertTrue(
            cluster.supportsInterface(0x1e079198) && cluster.supportsInterface(0x8fd37527), "cluster"
        );
    }

    function testFuzz_theGateNeverReverts(AppBootInfo memory info) public {
        bytes memory call = abi.encodeCall(cluster.isAppAllowed, (info));
        (bool success,) = address(cluster).staticcall(call);
        vm.assertTrue(success, "cluster");
        (success,) = newNode(1).member.staticcall(call);
        vm.assertTrue(success, "member");
    }

    function test_aBrokenGateIsADenial() public {
        bytes[7] memory answers = [
            bytes(""),
            abi.encode(true),
            abi.encode(uint256(2), uint256(64), uint256(0)),
            abi.encode(true, uint256(32), uint256(0)),
            abi.encode(true, uint256(64), uint256(1)),
            abi.encode(true, uint256(64), type(uint256).max),
            abi.encode(true, uint256(64), uint256(33), bytes32(0))
        ];
        BrokenCluster broken = new BrokenCluster();
        ICluster member = ICluster(memberFactory.deployMember(address(broken), 0));
        AppBootInfo memory info;
        for (uint256 i; i < answers.length; ++i) {
            broken.answerWith(answers[i], false);
            (bool ok, string memory reason) = member.isAppAllowed(info);
            vm.assertFalse(ok, "denied");
            vm.assertEq(reason, "no boot gate", "reason");
        }
        broken.answerWith("", true);
        (, string memory why) = member.isAppAllowed(info);
        vm.assertEq(why, "no boot gate", "a reverting gate");
        broken.answerWith(abi.encode(true, "fine"), false);
        (bool yes, string memory text) = member.isAppAllowed(info);
        vm.assertTrue(yes, "a good answer passes");
        vm.assertEq(text, "fine", "with its text");
    }

    function owned(bytes memory call) internal {
        // the event was announced for the owner's call, so the stranger's comes after it
        asClusterOwner(call);
        expectRevert(NotClusterOwner.selector, address(cluster), call);
    }

    function bootInfo(address app) internal pure returns (AppBootInfo memory info) {
        info.appId = app;
        info.composeHash = COMPOSE_HASH;
        info.deviceId = DEVICE;
    }

    function denied(AppBootInfo memory info, string memory expected) internal view {
        (bool ok, string memory reason) = cluster.isAppAllowed(info);
        vm.assertFalse(ok, expected);
        vm.assertEq(reason, expected, "reason");
    }

    function allowed(AppBootInfo memory info) internal view {
        (bool ok, string memory reason) = cluster.isAppAllowed(info);
        vm.assertTrue(ok, "allowed");
        vm.assertEq(reason, "", "no reason");
    }
}

/// @notice A cluster whose gate answers whatever it was told to.
contract BrokenCluster {
    bytes internal answer;
    bool internal failing;

    function answerWith(bytes calldata answer_, bool failing_) external {
        (answer, failing) = (answer_, failing_);
    }

    fallback(bytes calldata) external returns (bytes memory) {
        require(!failing, "broken");
        return answer;
    }
}
