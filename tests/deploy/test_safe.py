"""The batch file is what the Transaction Builder of Safe{Wallet} takes for its own."""

from copy import deepcopy

from deploy.safe import Call, batch, checksum

ADDRESS = "0x49d4450977E2c95362C13D3a31a09311E0Ea26A6"


def test_the_checksum_is_the_builders_own():
    """The vector of its tests (safe-react-apps, apps/tx-builder/src/lib/checksum.test.ts)."""

    def method(name: str, parameter: str, kind: str, values: dict[str, str]) -> dict[str, object]:
        inputs = [{"internalType": kind, "name": parameter, "type": kind}]
        return {
            "to": ADDRESS,
            "value": "0",
            "contractMethod": {"inputs": inputs, "name": name, "payable": False},
            "contractInputsValues": values,
        }

    file = {
        "version": "1.0",
        "chainId": "4",
        "createdAt": 1646321521061,
        "meta": {
            "name": "test batch file",
            "txBuilderVersion": "1.4.0",
            "checksum": "",
            "createdFromSafeAddress": "0xDF8a1Ce35c9a6ACE153B4e0767942f1E2291a1Aa",
            "createdFromOwnerAddress": ADDRESS,
        },
        "transactions": [
            method("testAddress", "paramAddress", "address", {"paramAddress": ADDRESS}),
            method("testBool", "paramBool", "bool", {"paramAddress": "", "paramBool": "false"}),
            {
                "to": ADDRESS,
                "value": "2000000000000000000",
                "data": "0x42f4579000000000000000000000000049d4450977e2c95362c13d3a31a09311e0ea26a6",
            },
        ],
    }
    assert checksum(file) == "0x4ecbfd364aa6759983915644e73f8bd411e85a2dc306f252a387c2728c4db64c"


def test_it_counts_everything_but_the_name_and_itself():
    call = Call(ADDRESS, "grantRole", [("role", "bytes32", "0x" + "11" * 32), ("account", "address", ADDRESS)])
    file = batch(8453, ADDRESS, "grant", [call], created_at_ms=1)
    said = file["meta"].pop("checksum")
    assert checksum(file) == said
    file["meta"]["name"] = "another"
    assert checksum(file) == said
    other = deepcopy(file)
    other["transactions"][0]["contractInputsValues"]["account"] = "0x" + "22" * 20
    assert checksum(other) != said
