"""Schemas as phrases, rows and examples."""

import json

from hypothesis import given
from hypothesis import strategies as st

from collector.web.reference import operations, snippets
from collector.web.reference.schemas import Field, Schemas

DOCUMENT = {
    "components": {
        "schemas": {
            "Window": {
                "type": "object",
                "description": "A span of time.",
                "required": ["start"],
                "properties": {
                    "start": {"type": "string", "format": "date-time"},
                    "note": {"anyOf": [{"type": "string", "maxLength": 20}, {"type": "null"}]},
                },
            },
            "Tree": {"type": "object", "properties": {"under": {"$ref": "#/components/schemas/Tree"}}},
        }
    },
    "paths": {
        "/things/{thing_id}": {
            "put": {
                "operationId": "things_put",
                "summary": "Change a `thing`",
                "parameters": [
                    {"name": "thing_id", "in": "path", "required": True, "schema": {"type": "integer"}},
                    {"name": "dry", "in": "query", "required": False, "schema": {"type": "boolean", "default": False}},
                    {"name": "name", "in": "query", "required": True, "schema": {"type": "string"}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Window"}}}},
                "responses": {
                    "200": {
                        "description": "Successful Response",
                        "content": {"application/json": {"example": {"a": 1}}},
                    },
                    "404": {"description": "`not_found`"},
                    "default": {"description": "Any other."},
                },
            }
        }
    },
}
SCHEMAS = Schemas(DOCUMENT)


def test_fields_of_objects_in_lists_have_the_path_to_them() -> None:
    rows = SCHEMAS.fields(
        {
            "type": "object",
            "properties": {"windows": {"type": "array", "items": {"$ref": "#/components/schemas/Window"}}},
        }
    )
    assert rows == [
        Field("windows", "list of object", False, ""),
        Field("windows[].start", "time", True, ""),
        Field("windows[].note", "text, at most 20 characters, or null", False, ""),
    ]


def test_a_schema_that_names_itself_ends() -> None:
    assert len(SCHEMAS.fields({"$ref": "#/components/schemas/Tree"})) == 5
    assert SCHEMAS.example({"$ref": "#/components/schemas/Tree"})


def test_an_example_takes_what_the_schema_proposes() -> None:
    assert SCHEMAS.example({"enum": ["a", "b"]}) == "a"
    assert SCHEMAS.example({"type": "integer", "minimum": 3}) == 3
    assert SCHEMAS.example({"type": "string"}, "email") == "ana@example.com"
    assert SCHEMAS.example({"type": "integer"}, "email") == 1


def test_an_operation_has_all_that_a_page_says_of_it() -> None:
    [one] = operations.read(DOCUMENT)
    assert (one.anchor, one.method, one.tag) == ("things-put", "PUT", "Other")
    assert [(p.name, p.place, p.needed, p.usual) for p in one.parameters] == [
        ("thing_id", "in the path", True, ""),
        ("dry", "in the query", False, "false"),
        ("name", "in the query", True, ""),
    ]
    assert one.body is not None
    assert json.loads(one.body.example) == {"start": "2026-06-01T02:00:00Z", "note": "note"}
    assert [(a.status, json.loads(a.example)) for a in one.answers] == [("200", {"a": 1})]
    assert [(f.status, f.about) for f in one.failures] == [("404", "`not_found`")]
    assert one.has(["thing", "dry"])
    assert not one.has(["thing", "wet"])


def test_snippets_fill_in_what_is_needed_and_never_hold_a_key() -> None:
    [one] = operations.read(DOCUMENT)
    made = snippets.of(one, "https://c.example", secret=True)
    assert snippets.target_of(one) == "/things/42?name=Example"
    assert "'https://c.example/things/42?name=Example'" in made.curl
    assert "$FIELDPOST_KEY" in made.curl
    assert 'requests.put("https://c.example/things/42?name=Example", headers=headers, json=body)' in made.python
    compile(made.python, "snippet", "exec")
    assert "process.env.FIELDPOST_KEY" in made.javascript
    assert "FIELDPOST_KEY" not in "".join(snippets.of(one, "https://c.example", secret=False))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_body_is_written_so_that_python_reads_the_same(value: object) -> None:
    [one] = operations.read(DOCUMENT)
    body = operations.Body([], json.dumps({"value": value}), needed=True)
    changed = operations.Operation(**{name: getattr(one, name) for name in one.__slots__} | {"body": body})
    code = snippets.of(changed, "https://c.example", secret=False).python
    line = code[code.index("body = ") : code.index("answer = ")]
    found: dict[str, object] = {}
    exec(line, found)  # noqa: S102 - what it made itself
    assert found["body"] == {"value": value}
