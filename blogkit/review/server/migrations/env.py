"""How Alembic reaches the database: through the engine that the server made."""

from __future__ import annotations

from alembic import context

from blogkit.review.server.database import metadata

engine = context.config.attributes["engine"]
with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
