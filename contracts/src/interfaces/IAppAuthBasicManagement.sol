// SPDX-License-Identifier: MIT
// dstack's basic management surface. The interface id is the XOR of the four selectors, 0x8fd37527.
pragma solidity 0.8.30;

/// @title IAppAuthBasicManagement
interface IAppAuthBasicManagement {
    event ComposeHashAdded(bytes32 indexed composeHash);
    event ComposeHashRemoved(bytes32 composeHash);
    event DeviceAdded(bytes32 deviceId);
    event DeviceRemoved(bytes32 deviceId);

    /// @notice Allow a compose hash to boot (cluster owner).
    function addComposeHash(bytes32 composeHash) external;

    /// @notice Stop allowing a compose hash (cluster owner); running machines are not touched.
    function removeComposeHash(bytes32 composeHash) external;

    /// @notice Allow a device to boot (cluster owner).
    function addDevice(bytes32 deviceId) external;

    /// @notice Stop allowing a device (cluster owner).
    function removeDevice(bytes32 deviceId) external;
}
