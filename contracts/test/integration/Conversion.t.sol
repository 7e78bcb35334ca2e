// SPDX-License-Identifier: MIT
// A stock dstack app proxy, every one of its storage slots in use, becomes a member in place.
pragma solidity 0.8.30;

import {IClusterMember} from "../../src/interfaces/IClusterMember.sol";
import {ClusterMember} from "../../src/member/ClusterMember.sol";
import {AppBootInfo} from "../../src/types/DstackTypes.sol";
import "../../src/types/Errors.sol";
import {Chain, Node} from "../utils/Chain.sol";
import {StockDstackApp} from "../utils/StockDstackApp.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

contract ConversionTest is Chain {
    address internal constant APP_OWNER = address(0xa990);
    bytes32 internal constant IMPLEMENTATION_SLOT =
        0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    bytes4 internal constant INVALID_INITIALIZATION = bytes4(keccak256("InvalidInitialization()"));

    StockDstackApp internal app;

    function setUp() public override {
        super.setUp();
        app = stockApp(false);
        asClusterOwner(abi.encodeCall(cluster.addAllowedAppId, address(app)));
    }

    function test_aStockAppBecomesAMemberAndRegisters() public {
        convert();
        vm.assertEq(
            address(uint160(uint256(vm.load(address(app), IMPLEMENTATION_SLOT)))),
            address(memberImplementation),
            "implementation slot"
        );
        vm.assertEq(IClusterMember(address(app)).cluster(), address(cluster), "cluster");
        vm.assertEq(memberOwner(address(app)), address(0), "no owner before registration");
        Node memory node = nodeAt(address(app), 1);
        register(node);
        vm.assertEq(memberOwner(address(app)), vm.addr(node.ownerKey), "owner after registration");
    }

    function test_theStockSlotsAreLeftAlone() public {
        bytes32[4] memory before;
        for (uint256 i; i < 4; ++i) {
            before[i] = vm.load(address(app), bytes32(i));
        }
        bytes32 composeSlot = keccak256(abi.encode(COMPOSE_HASH, uint256(0)));
        vm.assertEq(vm.load(address(app), composeSlot), bytes32(uint256(1)), "the stock list is in use");
        convert();
        register(nodeAt(address(app), 1));
        for (uint256 i; i < 4; ++i) {
            vm.assertEq(vm.load(address(app), bytes32(i)), before[i], "stock slot");
        }
        vm.assertEq(vm.load(address(app), composeSlot), bytes32(uint256(1)), "stock list");
    }

    function test_theBootGateBecomesTheClusters() public {
        AppBootInfo memory info;
        info.appId = address(app);
        info.composeHash = keccak256("only on the stock list");
        vm.prank(APP_OWNER);
        app.addComposeHash(info.composeHash);
        info.tcbStatus = "UpToDate";
        (bool allowed,) = app.isAppAllowed(info);
        vm.assertTrue(allowed, "the stock gate");
        convert();
        string memory reason;
        (allowed, reason) = app.isAppAllowed(info);
        vm.assertFalse(allowed, "the cluster's gate");
        vm.assertEq(reason, "compose hash not allowed", "reason");
        info.composeHash = COMPOSE_HASH;
        info.deviceId = DEVICE;
        (allowed, reason) = app.isAppAllowed(info);
        vm.assertTrue(allowed, "allowed by the cluster");
        vm.assertEq(reason, "", "no reason");
    }

    function test_onlyTheAppOwnerConverts() public {
        bytes memory refusal = abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", address(this));
        expectRevert(refusal, address(app), convertCall());
    }

    function test_anAppWithUpgradesDisabledStaysWhatItIs() public {
        StockDstackApp fixedApp = stockApp(true);
        expectOwnerRevert(
            APP_OWNER,
            abi.encodePacked(StockDstackApp.UpgradesDisabled.selector),
            address(fixedApp),
            convertCall()
        );
    }

    function test_theOldOwnerHasNoSayAfterwards() public {
        convert();
        bytes memory refusal = abi.encodePacked(NotClusterOwner.selector);
        bytes memory call =
            abi.encodeCall(UUPSUpgradeable.upgradeToAndCall, (address(new StockDstackApp()), ""));
        expectOwnerRevert(APP_OWNER, refusal, address(app), call);
        expectOwnerRevert(APP_OWNER, refusal, address(app), abi.encodeCall(app.addComposeHash, DEVICE));
        // the cluster owner upgrades
        address next = address(new ClusterMember());
        asOwner(OWNER, address(app), abi.encodeCall(UUPSUpgradeable.upgradeToAndCall, (next, "")));
        vm.assertEq(IClusterMember(address(app)).cluster(), address(cluster), "state survives");
    }

    function test_aConvertedAppIsNotInitialisedAgain() public {
        convert();
        expectRevert(
            INVALID_INITIALIZATION,
            address(app),
            abi.encodeCall(IClusterMember.initialize, (address(cluster)))
        );
        expectRevert(
            INVALID_INITIALIZATION,
            address(app),
            abi.encodeCall(IClusterMember.reinitializeFromDstackApp, (address(cluster)))
        );
    }

    function stockApp(bool upgradesDisabled) internal returns (StockDstackApp) {
        bytes memory init = abi.encodeCall(
            StockDstackApp.initialize, (APP_OWNER, upgradesDisabled, true, true, DEVICE, COMPOSE_HASH)
        );
        return StockDstackApp(address(new ERC1967Proxy(address(new StockDstackApp()), init)));
    }

    function convertCall() internal view returns (bytes memory) {
        bytes memory bind = abi.encodeCall(IClusterMember.reinitializeFromDstackApp, (address(cluster)));
        return abi.encodeCall(UUPSUpgradeable.upgradeToAndCall, (address(memberImplementation), bind));
    }

    function convert() internal {
        asOwner(APP_OWNER, address(app), convertCall());
    }
}
