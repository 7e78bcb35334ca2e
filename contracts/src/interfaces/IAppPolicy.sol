// SPDX-License-Identifier: MIT
// The rest of the policy surface that dstack's tools look for, shared by the cluster and its members.
pragma solidity 0.8.30;

/// @title IAppPolicy
interface IAppPolicy {
    event AllowAnyDeviceSet(bool allowAny);
    event RequireTcbUpToDateSet(bool required);

    /// @notice Allow any device, or only listed ones (cluster owner).
    function setAllowAnyDevice(bool allowAny) external;

    /// @notice Require the TCB status `UpToDate` at boot (cluster owner).
    function setRequireTcbUpToDate(bool required) external;

    /// @notice Whether a compose hash may boot.
    function allowedComposeHashes(bytes32 composeHash) external view returns (bool);

    /// @notice Whether a device is listed.
    function allowedDeviceIds(bytes32 deviceId) external view returns (bool);

    /// @notice Whether any device may boot.
    function allowAnyDevice() external view returns (bool);

    /// @notice Whether boot requires the TCB status `UpToDate`.
    function requireTcbUpToDate() external view returns (bool);

    /// @notice Version of the policy surface.
    function version() external view returns (uint256);
}
