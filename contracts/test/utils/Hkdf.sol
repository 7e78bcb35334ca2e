// SPDX-License-Identifier: MIT
// HKDF-SHA256 as dstack derives its keys, so that tests start from the published root key of dstack's own vectors.
pragma solidity 0.8.30;

library Hkdf {
    function hmac(bytes memory key, bytes memory message) internal pure returns (bytes32) {
        bytes32 padded = bytes32(key);
        require(key.length <= 32, "short keys only");
        bytes32 inner =
            sha256(abi.encodePacked(padded ^ bytes32(_repeat(0x36)), bytes32(_repeat(0x36)), message));
        return sha256(abi.encodePacked(padded ^ bytes32(_repeat(0x5c)), bytes32(_repeat(0x5c)), inner));
    }

    /// @dev Extract with salt "RATLS", expand to 32 bytes.
    function derive(uint256 ikm, bytes memory info) internal pure returns (uint256) {
        bytes32 prk = hmac("RATLS", abi.encodePacked(ikm));
        return uint256(hmac(abi.encodePacked(prk), abi.encodePacked(info, uint8(1))));
    }

    function _repeat(uint8 value) private pure returns (uint256) {
        return uint256(value) * (type(uint256).max / 255);
    }
}
