"""How Alembic reaches the database: through the engine that the server made."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from blogkit.review.server.database import metadata

engine = context.config.attributes["engine"]
# One process at a time: several servers may start at once on one database, also on an empty one.
with engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
    if engine.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7266538)"))
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
