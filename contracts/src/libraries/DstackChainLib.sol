// SPDX-License-Identifier: MIT
// The two key-issuance links of dstack: KMS root to app key, app key to derived key. It checks no binding and
// no purpose policy; the caller brings both.
pragma solidity 0.8.30;

import {InvalidPubKeyLength, InvalidSigChain} from "../types/Errors.sol";
import {PointLib} from "./PointLib.sol";
import {SigLib} from "./SigLib.sol";

/// @title DstackChainLib
library DstackChainLib {
    bytes internal constant ISSUED_PREFIX = "dstack-kms-issued:";
    bytes16 private constant HEX_DIGITS = "0123456789abcdef";

    /// @notice Follow both links and name the root that signed. Reverts `InvalidSigChain()` where a link does not
    ///         hold, `InvalidPubKeyLength()` and `PointNotOnCurve()` for the keys. Whether the root is trusted is the
    ///         caller's question.
    /// @param appId The app id the KMS issued the app key for.
    /// @param purpose What the app key certified the derived key for.
    function recoverRoot(
        address appId,
        string calldata purpose,
        bytes calldata derivedPubKey,
        bytes calldata appPubKey,
        bytes calldata appSignature,
        bytes calldata kmsSignature
    ) internal view returns (address root) {
        if (derivedPubKey.length != PointLib.COMPRESSED_BYTES) {
            revert InvalidPubKeyLength();
        }
        bytes32 link0 = keccak256(bytes.concat(bytes(purpose), ":", _hex(derivedPubKey)));
        // the app key is compared as a point and as a recovered signer: link 1 then speaks of the key of link 0
        if (PointLib.toAddress(appPubKey) != _signer(link0, appSignature)) revert InvalidSigChain();
        bytes32 link1 = keccak256(bytes.concat(ISSUED_PREFIX, bytes20(appId), appPubKey));
        root = _signer(link1, kmsSignature);
    }

    function _signer(bytes32 digest, bytes calldata signature) private pure returns (address signer) {
        signer = SigLib.recover(digest, signature);
        if (signer == address(0)) revert InvalidSigChain();
    }

    /// @dev Lower-case hexadecimal without prefix.
    function _hex(bytes calldata data) private pure returns (bytes memory text) {
        text = new bytes(data.length * 2);
        unchecked {
            // the index stays below twice a length that fitted into calldata
            for (uint256 i; i < data.length; ++i) {
                uint8 value = uint8(data[i]);
                text[2 * i] = HEX_DIGITS[value >> 4];
                text[2 * i + 1] = HEX_DIGITS[value & 15];
            }
        }
    }
}
