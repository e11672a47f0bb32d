"""How the status family reads what people write."""

from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, Field

from collector.domain.incidents.rules import MAX_TEXT, MAX_TITLE, check_message, check_text, check_title


def _written(check: Callable[[str], str], expected: str) -> Callable[[object], str]:
    def validate(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(expected)  # noqa: TRY004 - pydantic words a ValueError
        return check(value)

    return validate


Title = Annotated[
    str,
    BeforeValidator(_written(check_title, "a string")),
    Field(json_schema_extra={"minLength": 1, "maxLength": MAX_TITLE}),
]
Text = Annotated[
    str, BeforeValidator(_written(check_text, "a string")), Field(json_schema_extra={"maxLength": MAX_TEXT})
]
Message = Annotated[
    str,
    BeforeValidator(_written(check_message, "a string")),
    Field(json_schema_extra={"minLength": 1, "maxLength": MAX_TEXT}),
]
