// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title What is assumed of USDC where a solver is asked
/// @dev A transfer either reverts or moves exactly its amount; nobody can spend another's money without an allowance or an
/// authorization; a blacklisted account neither sends nor receives. Whether an authorization or a permit is good is left open:
/// the solver tries both. Storage is symbolic: any balances, allowances and blacklist.
contract ModelUsdc {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address account => bool) public isBlacklisted;
    mapping(address from => mapping(bytes32 nonce => bool)) public accepts;
    bool public paused;

    string public constant name = "USDC";
    string public constant version = "2";

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        bytes32 typehash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(typehash, keccak256("USDC"), keccak256("2"), block.chainid, address(this)));
    }

    function transfer(address to, uint256 value) external returns (bool) {
        require(!isBlacklisted[msg.sender]);
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        require(!isBlacklisted[msg.sender] && !isBlacklisted[from]);
        allowance[from][msg.sender] -= value;
        _move(from, to, value);
        return true;
    }

    function permit(address owner, address spender, uint256 value, uint256, bytes calldata) external {
        require(accepts[owner][bytes32(value)]);
        allowance[owner][spender] = value;
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32 nonce,
        bytes calldata
    ) external {
        require(msg.sender == to);
        _authorized(from, to, value, nonce);
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32 nonce,
        bytes calldata
    ) external {
        _authorized(from, to, value, nonce);
    }

    function _authorized(address from, address to, uint256 value, bytes32 nonce) private {
        require(accepts[from][nonce] && !isBlacklisted[from]);
        accepts[from][nonce] = false;
        _move(from, to, value);
    }

    function _move(address from, address to, uint256 value) private {
        require(!paused && !isBlacklisted[to] && to != address(0));
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}
