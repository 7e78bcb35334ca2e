// SPDX-License-Identifier: MIT
// A stand-in for a stock dstack app contract, for tests and the devnet: its plain storage slots, upgrade gate and
// boot gate are the real one's, so that converting it in place meets what production conversions meet.
pragma solidity 0.8.30;

import {IAppAuth} from "../../src/interfaces/IAppAuth.sol";
import {IAppAuthBasicManagement} from "../../src/interfaces/IAppAuthBasicManagement.sol";
import {AppBootInfo} from "../../src/types/DstackTypes.sol";
import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";

/// @title StockDstackApp
contract StockDstackApp is OwnableUpgradeable, UUPSUpgradeable, IAppAuth, IAppAuthBasicManagement {
    error UpgradesDisabled();

    // slot 0
    mapping(bytes32 composeHash => bool) public allowedComposeHashes;
    // slot 1, packed
    bool public upgradesDisabled;
    bool public allowAnyDevice;
    // slot 2
    mapping(bytes32 deviceId => bool) public allowedDeviceIds;
    // slot 3
    bool public requireTcbUpToDate;

    constructor() {
        _disableInitializers();
    }

    function initialize(
        address owner_,
        bool disableUpgrades_,
        bool requireTcb,
        bool anyDevice,
        bytes32 deviceId,
        bytes32 composeHash
    ) external initializer {
        __Ownable_init(owner_);
        upgradesDisabled = disableUpgrades_;
        requireTcbUpToDate = requireTcb;
        allowAnyDevice = anyDevice;
        allowedDeviceIds[deviceId] = true;
        allowedComposeHashes[composeHash] = true;
    }

    function disableUpgrades() external onlyOwner {
        upgradesDisabled = true;
    }

    function addComposeHash(bytes32 composeHash) external onlyOwner {
        allowedComposeHashes[composeHash] = true;
        emit ComposeHashAdded(composeHash);
    }

    function removeComposeHash(bytes32 composeHash) external onlyOwner {
        allowedComposeHashes[composeHash] = false;
        emit ComposeHashRemoved(composeHash);
    }

    function addDevice(bytes32 deviceId) external onlyOwner {
        allowedDeviceIds[deviceId] = true;
        emit DeviceAdded(deviceId);
    }

    function removeDevice(bytes32 deviceId) external onlyOwner {
        allowedDeviceIds[deviceId] = false;
        emit DeviceRemoved(deviceId);
    }

    function isAppAllowed(AppBootInfo calldata bootInfo) external view returns (bool, string memory) {
        if (requireTcbUpToDate && keccak256(bytes(bootInfo.tcbStatus)) != keccak256("UpToDate")) {
            return (false, "TCB status is not up to date");
        }
        if (!allowedComposeHashes[bootInfo.composeHash]) return (false, "Compose hash not allowed");
        if (!allowAnyDevice && !allowedDeviceIds[bootInfo.deviceId]) return (false, "Device not allowed");
        return (true, "");
    }

    function _authorizeUpgrade(address) internal view override onlyOwner {
        if (upgradesDisabled) revert UpgradesDisabled();
    }
}
