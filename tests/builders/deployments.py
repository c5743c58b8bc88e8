"""Deployments of the contracts."""

NO_CHAIN = {
    "chainId": 84532,
    "usdc": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    "usdcDomain": {"name": "USDC", "version": "2"},
    "splitter": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "splitterDomain": {"name": "Molt Studios", "version": "1"},
    "deployedAtBlock": 1,
    "deploymentTx": None,
}
"""They stand nowhere."""
