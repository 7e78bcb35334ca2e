// SPDX-License-Identifier: MIT
// What every test has: the cheat code address, and an actor for strangers. Nobody but owners is ever pranked, so
// whoever else acts is a contract of its own.
pragma solidity 0.8.30;

import {Vm} from "./Vm.sol";

abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    // forge looks for this name
    // solhint-disable-next-line var-name-mixedcase
    bool public IS_TEST = true;

    /// @dev Call as an owner: the one case in which an account is impersonated.
    function asOwner(address owner, address target, bytes memory data) internal returns (bytes memory) {
        vm.prank(owner);
        return raw(target, data);
    }

    /// @dev A fuzzed value brought into a range.
    function clamp(uint256 value, uint256 min, uint256 max) internal pure returns (uint256) {
        return min + value % (max - min + 1);
    }

    /// @dev Call and bubble the revert up.
    function raw(address target, bytes memory data) internal returns (bytes memory) {
        (bool success, bytes memory result) = target.call(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
        return result;
    }

    /// @dev Expect a call to revert with exactly this data.
    function expectRevert(bytes memory expected, address target, bytes memory data) internal {
        (bool success, bytes memory result) = target.call(data);
        vm.assertFalse(success, "the call did not revert");
        vm.assertEq(result, expected, "revert data");
    }

    function expectRevert(bytes4 expected, address target, bytes memory data) internal {
        expectRevert(abi.encodePacked(expected), target, data);
    }

    /// @dev Expect a call as an owner to revert with exactly this data.
    function expectOwnerRevert(address owner, bytes memory expected, address target, bytes memory data)
        internal
    {
        vm.prank(owner);
        expectRevert(expected, target, data);
    }

    /// @dev Only the owner may: a stranger gets this error, then the owner succeeds.
    function onlyBy(address owner, bytes4 refusal, address target, bytes memory data) internal {
        expectRevert(refusal, target, data);
        asOwner(owner, target, data);
    }
}

/// @notice Somebody without any role, with an account and an identity of its own.
contract Stranger {
    receive() external payable {}

    function call(address target, bytes calldata data)
        external
        payable
        returns (bool success, bytes memory result)
    {
        return target.call{value: msg.value}(data);
    }

    // What a foreign "cluster" would answer to pass as one.
    function clusterOwner() external view returns (address) {
        return address(this);
    }
}
