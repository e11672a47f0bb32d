"""INSERT … ON CONFLICT, in the words that both stores understand."""

from collections.abc import Sequence

from sqlalchemy import Table, TextClause, bindparam, text


def upsert(table: Table, *, keep: Sequence[str] = ()) -> TextClause:
    """Insert whole rows; where the primary key is known, replace all but its columns and those in `keep`."""
    keys = [column.name for column in table.primary_key]
    replaced = [column.name for column in table.columns if column.name not in {*keys, *keep}]
    change = ", ".join(f'"{name}" = excluded."{name}"' for name in replaced)
    return _insert(table, f"DO UPDATE SET {change}")


def insert_missing(table: Table) -> TextClause:
    """Insert whole rows; those whose primary key is known stay as they are."""
    return _insert(table, "DO NOTHING")


def _insert(table: Table, otherwise: str) -> TextClause:
    names = [column.name for column in table.columns]
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(f":{name}" for name in names)
    statement = text(f'INSERT INTO "{table.name}" ({columns}) VALUES ({values}) ON CONFLICT ({keys}) {otherwise}')
    return statement.bindparams(*(bindparam(column.name, type_=column.type) for column in table.columns))
