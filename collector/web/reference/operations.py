"""Pure: the operations of an OpenAPI document, each with all that a page says of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from collector.web.reference.schemas import Field, Schema, Schemas, plain

_METHODS = ("get", "post", "put", "patch", "delete")
_JSON = "application/json"
_USUAL = "Successful Response"
_GOOD = "2"
_PLACES = {"path": "in the path", "query": "in the query", "header": "a header"}


class Parameter(NamedTuple):
    """One value that goes with a request, but its body."""

    name: str
    place: str
    type: str
    needed: bool
    about: str
    usual: str
    example: str


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent; `example` as JSON text."""

    fields: Sequence[Field]
    example: str
    needed: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One that is well; `others`: further media types in which it can be had."""

    status: str
    about: str
    fields: Sequence[Field]
    example: str
    others: Sequence[str]


class Failure(NamedTuple):
    """One that is not; `example` empty where the document has none."""

    status: str
    about: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path; `anchor` leads to it."""

    anchor: str
    method: str
    path: str
    title: str
    about: str
    tag: str
    parameters: Sequence[Parameter]
    body: Body | None
    answers: Sequence[Answer]
    failures: Sequence[Failure]

    @property
    def reads(self) -> bool:
        return self.method == "GET"

    def has(self, words: Sequence[str]) -> bool:
        """Whether a reader who looks for these words means it."""
        names = " ".join(one.name for one in self.parameters)
        text = f"{self.method} {self.path} {self.title} {self.about} {self.tag} {names}".lower()
        return all(word in text for word in words)


def read(document: Schema) -> list[Operation]:
    """In the order of the document."""
    schemas = Schemas(document)
    return [
        _operation(schemas, method, path, found[method])
        for path, found in document["paths"].items()
        for method in _METHODS
        if method in found
    ]


def by_tag(operations: Sequence[Operation]) -> dict[str, list[Operation]]:
    """As sections of a page."""
    found: dict[str, list[Operation]] = {}
    for one in operations:
        found.setdefault(one.tag, []).append(one)
    return found


def _operation(schemas: Schemas, method: str, path: str, found: Schema) -> Operation:
    answers = found.get("responses", {})
    well = {status: one for status, one in answers.items() if status.startswith(_GOOD)}
    return Operation(
        anchor=str(found["operationId"]).replace("_", "-"),
        method=method.upper(),
        path=path,
        title=str(found.get("summary", path)),
        about=str(found.get("description", "")),
        tag=str(next(iter(found.get("tags", ())), "Other")),
        parameters=[_parameter(schemas, one) for one in found.get("parameters", ())],
        body=_body(schemas, found.get("requestBody")),
        answers=[_answer(schemas, status, one) for status, one in well.items()],
        failures=[
            Failure(status, str(one["description"]), _text(one.get("content", {}).get(_JSON, {}).get("example")))
            for status, one in sorted(answers.items())
            if status not in well and status != "default"
        ],
    )


def _parameter(schemas: Schemas, found: Schema) -> Parameter:
    schema: Schema = found.get("schema", {})
    usual = schema.get("default")
    kind = schemas.of(schema).get("type")
    example = found.get("example", schemas.example({**schema, "default": None}, str(found["name"])))
    return Parameter(
        name=str(found["name"]),
        place=_PLACES.get(str(found["in"]), str(found["in"])),
        type=schemas.phrase(schema),
        needed=bool(found.get("required")),
        about=str(found.get("description", "")),
        usual="" if usual is None or usual == "" else plain(usual),
        example="42" if kind == "integer" and found["in"] == "path" else str(example),
    )


def _body(schemas: Schemas, found: Schema | None) -> Body | None:
    content: Mapping[str, Any] = (found or {}).get("content", {}).get(_JSON, {})
    if found is None or not content:
        return None
    schema = content.get("schema", {})
    example = content.get("example", schemas.example(schema))
    return Body(schemas.fields(schema), _text(example), bool(found.get("required")))


def _answer(schemas: Schemas, status: str, found: Schema) -> Answer:
    content: Mapping[str, Any] = found.get("content", {})
    told = content.get(_JSON, {})
    about = str(found.get("description", ""))
    return Answer(
        status=status,
        about="" if about == _USUAL else about,
        fields=schemas.fields(told.get("schema", {})),
        example=_text(told.get("example")),
        others=[kind for kind in content if kind != _JSON],
    )


def _text(example: object) -> str:
    return "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)
