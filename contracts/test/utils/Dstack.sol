// SPDX-License-Identifier: MIT
// A dstack KMS and its guests in miniature: keys derived and chains signed as production does it, from the root
// private key that dstack publishes in its own test vectors.
pragma solidity 0.8.30;

import {DstackProof} from "../../src/types/DstackTypes.sol";
import {Base} from "./Base.sol";
import {Hkdf} from "./Hkdf.sol";

abstract contract Dstack is Base {
    /// @dev Dstack-TEE/dstack sdk/tests/vectors/signature_chain.json: a root that was never in a KMS.
    uint256 internal constant KMS_ROOT_KEY =
        0x4b4d532d726f6f742d746573742d6b65792d646f2d6e6f742d75736521212101;
    address internal constant KMS_ROOT = 0xc4CfC07621383e38a109B72A570cd021989C439b;
    string internal constant PURPOSE = "attestmesh.binding.v1";
    string internal constant KEY_PATH = "attestmesh/v1/binding";

    function appKey(address appId) internal pure returns (uint256) {
        return Hkdf.derive(KMS_ROOT_KEY, abi.encodePacked(appId, "app-key"));
    }

    function derivedKey(address appId) internal pure returns (uint256) {
        return Hkdf.derive(appKey(appId), bytes(KEY_PATH));
    }

    function compressed(uint256 privateKey) internal returns (bytes memory) {
        uint256 y = vm.createWallet(privateKey).publicKeyY;
        return abi.encodePacked(uint8(2 + (y & 1)), vm.createWallet(privateKey).publicKeyX);
    }

    /// @dev As dstack encodes it: v is 0 or 1.
    function sign01(uint256 privateKey, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digest);
        return abi.encodePacked(r, s, v - 27);
    }

    /// @dev As Ethereum's tools encode it: v is 27 or 28.
    function sign27(uint256 privateKey, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digest);
        return abi.encodePacked(r, s, v);
    }

    function eip191(bytes32 hash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", hash));
    }

    function hexText(bytes memory data) internal pure returns (string memory) {
        bytes memory digits = "0123456789abcdef";
        bytes memory text = new bytes(data.length * 2);
        for (uint256 i; i < data.length; ++i) {
            (text[2 * i], text[2 * i + 1]) = (digits[uint8(data[i]) >> 4], digits[uint8(data[i]) & 15]);
        }
        return string(text);
    }

    function makeProof(
        address cluster,
        address member,
        bytes32 xPubKey,
        bytes32 wgPubKey,
        string memory purpose
    ) internal returns (DstackProof memory proof) {
        (uint256 app, uint256 derived) = (appKey(member), derivedKey(member));
        proof.codeId = bytes32(bytes20(member));
        proof.messageHash = keccak256(abi.encode("attestmesh.bind.v1", cluster, member, xPubKey, wgPubKey));
        proof.derivedCompressedPubkey = compressed(derived);
        proof.appCompressedPubkey = compressed(app);
        proof.messageSignature = sign27(derived, eip191(proof.messageHash));
        proof.appSignature =
            sign01(app, keccak256(abi.encodePacked(purpose, ":", hexText(proof.derivedCompressedPubkey))));
        proof.kmsSignature = sign01(
            KMS_ROOT_KEY,
            keccak256(abi.encodePacked("dstack-kms-issued:", bytes20(member), proof.appCompressedPubkey))
        );
        proof.purpose = purpose;
    }
}
