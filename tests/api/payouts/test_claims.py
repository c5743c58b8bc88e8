"""What became of a claim is the ledger's to say; that it never can be, the outbox's."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from api.payouts import claims
from ledger import db


def a_claim(database_url: str, *, state: str) -> None:
    """Of account 0, one bucket, in a transaction that stands at `state`; nothing of it in the ledger."""
    outbox_id = uuid4()
    with db.connect(database_url) as connection:
        connection.execute("SET session_replication_role = replica")  # the account itself does not matter here
        connection.execute(
            """INSERT INTO relay.outbox (id, key_name, to_address, data, purpose, dedupe_key, state, sender, chain_id,
                   nonce, tx_hash, settled_at)
            VALUES (%s, 'relayer', %s, '', 'claim', 'claim:1', %s, %s, 84532, 7, %s,
                    CASE WHEN %s = 'lost' THEN now() END)""",
            (outbox_id, b"\1" * 20, state, b"\2" * 20, b"\3" * 32, state),
        )
        connection.execute(
            """INSERT INTO app.claim (id, chain_id, account_id, expiries, amount_micro_usdc, outbox_id)
            VALUES (%s, 84532, '00000000-0000-0000-0000-000000000000', '{1800000000}', 200000, %s)""",
            (uuid4(), outbox_id),
        )


@pytest.mark.parametrize(("state", "status"), [("lost", "refused"), ("broadcast", "pending")])
async def test_only_a_transaction_that_can_never_count_frees_its_claim(
    database_url: str, state: str, status: str
) -> None:
    a_claim(database_url, state=state)
    engine = db.async_engine(database_url, "molt_api")
    async with AsyncSession(engine) as session:
        (found,) = await claims.claims(session, 84532, [UUID(int=0)])
    await engine.dispose()
    assert found.status == status
