"""`POST /dev/faucet`: test USDC and gas for anybody. Where LOCAL_CHAIN is not set, there is no such path."""

from uuid import UUID, uuid4

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from api import calldata, edge
from api.db import Reading, ReadSession, Writing
from api.errors import FieldError, InvalidRequest, NotFound, problems
from api.rate_limits import Limit, limited
from api.resources import Held, Resources
from api.wire import Address, Amount, Bytes32, address_text
from ledger.money import MICRO_PER_USDC, MicroUsdc
from relayer import outbox

router = edge.router(tags=["dev"])

FAUCET = Limit("faucet", 30, 60, by_ip=True)
DEFAULT_MICRO_USDC = MicroUsdc(10 * MICRO_PER_USDC)
MAX_MICRO_USDC = MicroUsdc(1000 * MICRO_PER_USDC)
GAS_WEI = 10**17
"""0.1 test ETH: thousands of tips."""


class FaucetRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    address: Address
    amount_micro_usdc: Amount = Field(
        default=DEFAULT_MICRO_USDC, description="at most 1000 USDC", validate_default=True
    )


class Pour(BaseModel):
    """One transaction of the faucet."""

    state: outbox.State
    tx_hash: Bytes32 | None


class Poured(BaseModel):
    """What the faucet gives; `done` when it has arrived."""

    id: UUID
    done: bool
    usdc: Pour
    gas: Pour


@router.post(
    "/dev/faucet",
    operation_id="pourFaucet",
    status_code=202,
    dependencies=[limited(FAUCET)],
    responses=problems(NotFound),
)
async def pour(session: Writing, held: Held, response: Response, body: FaucetRequest) -> Poured:
    """Mints test USDC to the address and sends it test ETH for gas. Local chains only."""
    _demand_local(held)
    if not 0 < body.amount_micro_usdc <= MAX_MICRO_USDC:
        detail = f"must be between 1 and {MAX_MICRO_USDC}"
        raise InvalidRequest(errors=[FieldError(pointer="/amount_micro_usdc", code="OUT_OF_RANGE", detail=detail)])
    faucet_id = uuid4()
    mint = calldata.call("mint(address,uint256)", address_text(body.address), body.amount_micro_usdc)
    await outbox.enqueue(
        session,
        key="faucet",
        to=held.deployment.usdc_bytes,
        data=mint,
        purpose="faucet_usdc",
        dedupe_key=_act(faucet_id, "usdc"),
    )
    await outbox.enqueue(
        session,
        key="faucet",
        to=body.address,
        data=b"",
        value_wei=GAS_WEI,
        purpose="faucet_gas",
        dedupe_key=_act(faucet_id, "gas"),
    )
    response.headers["Location"] = f"/api/v1/dev/faucet/{faucet_id}"
    return await _poured(session, faucet_id)


@router.get("/dev/faucet/{faucet_id}", operation_id="getFaucet", responses=problems(NotFound))
async def get_poured(session: Reading, held: Held, faucet_id: UUID) -> Poured:
    """Whether it has arrived."""
    _demand_local(held)
    return await _poured(session, faucet_id)


async def _poured(session: ReadSession, faucet_id: UUID) -> Poured:
    usdc = await outbox.status_of_act(session, _act(faucet_id, "usdc"))
    gas = await outbox.status_of_act(session, _act(faucet_id, "gas"))
    if usdc is None or gas is None:
        raise NotFound
    return Poured(
        id=faucet_id,
        done=usdc.state == gas.state == "mined_ok",
        usdc=Pour(state=usdc.state, tx_hash=usdc.tx_hash),
        gas=Pour(state=gas.state, tx_hash=gas.tx_hash),
    )


def _act(faucet_id: UUID, what: str) -> str:
    return f"faucet:{faucet_id}:{what}"


def _demand_local(held: Resources) -> None:
    if not held.settings.local_chain:
        raise NotFound("There is nothing at this path.")
