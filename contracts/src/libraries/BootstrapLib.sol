// SPDX-License-Identifier: MIT
// Reads a registering node's first operation out of calldata without ever reverting: what the account itself
// checks while it has no owner. Everything else about a registration is checked by the cluster when it runs.
pragma solidity 0.8.30;

import {IClusterMember} from "../interfaces/IClusterMember.sol";
import {IDstackFacet} from "../interfaces/IDstackFacet.sol";
import {IOperatorFacet} from "../interfaces/IOperatorFacet.sol";
import {BindingLib} from "./BindingLib.sol";
import {SigLib} from "./SigLib.sol";

/// @title BootstrapLib
/// @notice Offsets are relative to the enclosing tuple, as the ABI has them. A reader that fails answers zero or an
///         empty slice; since no signature recovers from that, a malformed operation ends as a wrong signature.
library BootstrapLib {
    uint256 private constant WORD = 32;
    uint256 private constant SELECTOR_BYTES = 4;
    // Heads of the tuples below, in words.
    uint256 private constant DSTACK_SIGNATURE = 2;
    uint256 private constant OPERATOR_SIGNER = 0;
    uint256 private constant OPERATOR_OWNER = 1;
    uint256 private constant OPERATOR_EXPIRY = 2;
    uint256 private constant OPERATOR_SIGNATURE = 3;

    /// @notice The key that must have signed the operation; zero unless the operation is exactly
    ///         `execute(cluster, 0, <a register call for this member>)` with a binding that recovers.
    function expectedSigner(bytes calldata callData, address cluster) internal view returns (address) {
        bytes calldata args = _arguments(callData, IClusterMember.execute.selector);
        bytes calldata inner = _bytesAt(args, 2);
        bool ours = _address(args, 0) == cluster && _word(args, 1) == 0;
        bytes calldata dstackArgs = _arguments(inner, IDstackFacet.dstack_register.selector);
        address signer = dstackArgs.length != 0
            ? _dstackSigner(dstackArgs, cluster)
            : _operatorSigner(_arguments(inner, IOperatorFacet.operator_register.selector), cluster);
        return ours ? signer : address(0);
    }

    /// @dev Whoever signed the binding of exactly these keys to this member.
    function _dstackSigner(bytes calldata args, address cluster) private view returns (address) {
        bytes calldata proof = _tupleAt(args, 0);
        bytes32 bound =
            BindingLib.dstack(cluster, address(this), bytes32(_word(args, 2)), bytes32(_word(args, 3)));
        address signer = SigLib.recover(SigLib.toEip191(bound), _bytesAt(proof, DSTACK_SIGNATURE));
        return _address(args, 1) == address(this) ? signer : address(0);
    }

    /// @dev The voucher's owner key, if the voucher recovers to the signer that it names.
    function _operatorSigner(bytes calldata args, address cluster) private view returns (address) {
        bytes calldata proof = _tupleAt(args, 0);
        address ownerKey = _address(proof, OPERATOR_OWNER);
        uint256 expiry = _word(proof, OPERATOR_EXPIRY);
        // an expiry that does not fit is refused below
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 shortExpiry = uint64(expiry);
        bytes32 bound = BindingLib.operator(
            cluster, address(this), bytes32(_word(args, 2)), bytes32(_word(args, 3)), ownerKey, shortExpiry
        );
        address signer = SigLib.recover(SigLib.toEip191(bound), _bytesAt(proof, OPERATOR_SIGNATURE));
        bool good = signer != address(0) && _address(proof, OPERATOR_SIGNER) == signer
            && _address(args, 1) == address(this) && expiry == shortExpiry;
        return good ? ownerKey : address(0);
    }

    /// @dev What follows a selector; empty if the selector is another.
    function _arguments(bytes calldata data, bytes4 selector) private pure returns (bytes calldata) {
        if (data.length < SELECTOR_BYTES || bytes4(data[0:SELECTOR_BYTES]) != selector) return data[0:0];
        return data[SELECTOR_BYTES:];
    }

    /// @dev The n-th word of a head; zero past the end.
    function _word(bytes calldata data, uint256 n) private pure returns (uint256) {
        uint256 end = (n + 1) * WORD;
        return end <= data.length ? uint256(bytes32(data[end - WORD:end])) : 0;
    }

    /// @dev The n-th word of a head as an address; zero if its upper bytes are not.
    function _address(bytes calldata data, uint256 n) private pure returns (address) {
        uint256 value = _word(data, n);
        // bounded by the condition
        // forge-lint: disable-next-line(unsafe-typecast)
        return value <= type(uint160).max ? address(uint160(value)) : address(0);
    }

    /// @dev The rest of the data from where the n-th word of the head points; empty if that is outside.
    function _tupleAt(bytes calldata data, uint256 n) private pure returns (bytes calldata) {
        uint256 offset = _word(data, n);
        return offset <= data.length ? data[offset:] : data[0:0];
    }

    /// @dev The byte string that the n-th word of the head points at; empty if any of it is outside.
    function _bytesAt(bytes calldata data, uint256 n) private pure returns (bytes calldata) {
        bytes calldata tail = _tupleAt(data, n);
        if (tail.length < WORD) return data[0:0];
        uint256 length = uint256(bytes32(tail[0:WORD]));
        return length <= tail.length - WORD ? tail[WORD:WORD + length] : data[0:0];
    }
}
