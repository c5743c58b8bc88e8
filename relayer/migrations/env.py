"""Alembic's entry; what it does is the same for all three schemas."""

from typing import cast

from alembic import context
from alembic.runtime.environment import EnvironmentContext

from ledger import db

db.run_migration_environment(context.config, cast("EnvironmentContext", context))
