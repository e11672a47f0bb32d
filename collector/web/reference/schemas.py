"""Pure: JSON schemas of an OpenAPI document as phrases, as rows of a table, and as an example."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Schema = Mapping[str, Any]
_PREFIX = "#/components/schemas/"
_DEEPEST = 5
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
_BY_NAME: Mapping[str, object] = {
    "account": "123456789012",
    "accountid": "123456789012",
    "accountname": "Production",
    "agent_id": "agt_4kq0Yx1c",
    "agentid": "agt_4kq0Yx1c",
    "at": "08:00",
    "channel": "ops-mail",
    "channels": ["ops-mail"],
    "check_id": "BACKUP_DB_AGE",
    "description": "What it is about, in a sentence or two.",
    "email": "ana@example.com",
    "events": ["*"],
    "end": "06:00",
    "externalid": "uuid-12345-abcde",
    "factorkeys": ["SNAPSHOT_CLEANUP"],
    "first_start": "2026-06-07T02:00",
    "from": "2026-06-01T00:00:00Z",
    "group": "Customer-facing",
    "id": "rec_abcd1234",
    "ids": ["rec_abcd1234"],
    "implementedby": "ana@example.com",
    "job_id": "job_xyz789",
    "message": "We are looking into it.",
    "name": "Example",
    "notes": "Deleted the snapshot.",
    "page": "acme",
    "password": "…",
    "reason": "Planned for next quarter",
    "rec_id": "rec_abcd1234",
    "region": "us-east-1",
    "regions": ["us-east-1"],
    "rolearn": "arn:aws:iam::123456789012:role/Fieldpost",
    "resourceid": "i-0abcd1234",
    "rule": "FREQ=WEEKLY;BYDAY=SU",
    "schedule_id": "sched_abc123",
    "schedule": {"startTime": "08:00", "stopTime": "18:00", "timezone": "Europe/Berlin", "weekdays": [1, 2, 3, 4, 5]},
    "service": "web",
    "services": ["web"],
    "slug": "web",
    "start": "22:00",
    "starttime": "07:00",
    "stoptime": "19:00",
    "tag": "prod",
    "tags": ["prod"],
    "tagrules": {"Environment": "Staging"},
    "timezone": "Europe/Berlin",
    "tenant": "acme",
    "title": "Database upgrade",
    "to": ["ops@example.com"],
    "url": "https://receiver.example.com/hooks",
    "weekdays": [1, 2, 3, 4, 5],
}
_LEFT_OUT = frozenset({"hours", "resourceids", "service_ids"})
"""Of which another field of the same body is the other way to say it."""
_TIME = "2026-06-01T02:00:00Z"


class Field(NamedTuple):
    """One row: `name` with the path to it, such as `incidents[].id`."""

    name: str
    type: str
    needed: bool
    about: str


class Schemas:
    """The schemas of one document, by reference."""

    def __init__(self, document: Schema) -> None:
        self._named: Mapping[str, Schema] = document.get("components", {}).get("schemas", {})

    def of(self, schema: Schema) -> Schema:
        """What a reference stands for; of several that may be null, the other one."""
        if "$ref" in schema:
            return self.of(self._named.get(str(schema["$ref"]).removeprefix(_PREFIX), {}))
        choices = _choices(schema)
        if len(choices) == 1 and len(schema.get("anyOf", ())) > 1:
            return {**self.of(choices[0]), **{name: schema[name] for name in ("description",) if name in schema}}
        return schema

    def phrase(self, schema: Schema) -> str:
        """A type in words: `whole number, at least 1`."""
        nullable = any(one.get("type") == "null" for one in schema.get("anyOf", ()))
        return self._phrase(schema) + (", or null" if nullable else "")

    def fields(self, schema: Schema) -> list[Field]:
        """Every field of an object, those of objects in it below it."""
        return list(self._rows(schema, "", 0))

    def example(self, schema: Schema, name: str = "", depth: int = 0) -> object:
        """Something that fits, as far as a schema says it."""
        found = self.of(schema)
        if known := _given(found):
            return known[0]
        if _is_time(found):
            return _TIME
        if (usual := _BY_NAME.get(name.lower())) is not None and _same_kind(usual, found):
            return usual
        if choices := _choices(found):
            return self.example(choices[0], name, depth)
        if properties := found.get("properties"):
            needed = found.get("required", ()) if depth else ()
            wanted = [key for key in properties if key in needed or (not needed and key.lower() not in _LEFT_OUT)]
            return {key: self.example(properties[key], key, depth + 1) for key in wanted if depth < _DEEPEST}
        return self._plain(found, name, depth)

    def _plain(self, found: Schema, name: str, depth: int) -> object:
        match found.get("type"):
            case "array":
                items = found.get("items", {})
                return [self.example(items, name.removesuffix("s"), depth + 1)] if depth < _DEEPEST else []
            case "integer" | "number":
                return max(1, round(found.get("minimum", 1)))
            case "boolean":
                return True
            case "object":
                return {}
        return name or "text"

    def _phrase(self, schema: Schema) -> str:
        found = self.of(schema)
        if "const" in found:
            return f"always {plain(found['const'])}"
        if words := found.get("enum"):
            return "one of " + ", ".join(plain(one) for one in words)
        if choices := _choices(found):
            return " or ".join(dict.fromkeys(self._phrase(one) for one in choices))
        match found.get("type"):
            case "array":
                return f"list of {self._phrase(found.get('items', {}))}"
            case "object":
                return "object"
            case str(kind):
                return ", ".join(["time" if _is_time(found) else _TYPES.get(kind, kind), *_bounds(found)])
        return "anything"

    def _rows(self, schema: Schema, above: str, depth: int) -> Iterator[Field]:
        found = self.of(schema)
        if found.get("type") == "array":
            yield from self._rows(found.get("items", {}), f"{above}[]", depth)
            return
        needed: Sequence[str] = found.get("required", ())
        for name, one in found.get("properties", {}).items() if depth < _DEEPEST else ():
            path = f"{above}.{name}" if above else name
            about = str(one.get("description", self.of(one).get("description", "")))
            yield Field(path, self.phrase(one), name in needed, about)
            yield from self._rows(one, path, depth + 1)


def _choices(schema: Schema) -> list[Schema]:
    found: Sequence[Schema] = schema.get("anyOf") or schema.get("oneOf") or ()
    return [one for one in found if one.get("type") != "null"]


def _given(schema: Schema) -> list[object]:
    """What the schema itself proposes, the best first."""
    several = (schema.get("examples"), schema.get("enum"))
    found = [one for name in ("example", "const") if (one := schema.get(name)) is not None]
    found += [many[0] for many in several if many]
    return found + [one for one in (schema.get("default"),) if one not in (None, "", [], {})]


_KINDS = {str: "string", list: "array", dict: "object", int: "integer"}


def _same_kind(value: object, schema: Schema) -> bool:
    if schema.get("type", "object") != _KINDS.get(type(value)):
        return False
    items: Schema = schema.get("items", {})
    return not isinstance(value, list) or items.get("type") == _KINDS[type(value[0])]


def _is_time(schema: Schema) -> bool:
    pattern = str(schema.get("pattern", ""))
    return schema.get("format") == "date-time" or ("T" in pattern and "Z$" in pattern)


def _bounds(schema: Schema) -> list[str]:
    words = {
        "minimum": "at least {}",
        "maximum": "at most {}",
        "maxLength": "at most {} characters",
    }
    return [
        text.format(int(schema[name]))
        for name, text in words.items()
        if isinstance(schema.get(name), int | float) and abs(schema[name]) < 2**53
    ]


def plain(value: object) -> str:
    """A value as JSON writes it, but without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)
