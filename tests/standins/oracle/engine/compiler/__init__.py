"""From Oracle's syntax tree to SQL for SQLite, with every name, type and privilege decided on the way."""
