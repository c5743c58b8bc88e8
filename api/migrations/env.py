"""Alembic's entry; what it does is the same for all three schemas."""

from ledger import db

db.run_migration_environment()
