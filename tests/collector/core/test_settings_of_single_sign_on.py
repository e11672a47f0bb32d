"""What an operator may set about single sign-on."""

from typing import Any

import pytest
from pydantic import ValidationError

from collector.core.settings import Settings

WHOLE: dict[str, Any] = {"oidc_issuer": "https://id.example.com/realms/main", "oidc_client_id": "fieldpost"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"oidc_issuer": "http://127.0.0.1:8080"},
        {"oidc_origin": "https://ops.example.com:8443"},
        {"oidc_role": "viewer", "oidc_tenant": "acme"},
    ],
)
def test_what_is_whole_is_taken(more: dict[str, Any]) -> None:
    assert Settings(**{**WHOLE, **more}).oidc_client_id == "fieldpost"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"oidc_client_id": ""}, "expected oidc_client_id beside it"),
        ({"oidc_issuer": "http://id.example.com"}, "expected https://host/path"),
        ({"oidc_issuer": "id.example.com"}, "expected https://host/path"),
        ({"oidc_issuer": "https://id.example.com/?x=1"}, "expected https://host/path"),
        ({"oidc_origin": "https://ops.example.com/ui"}, "without a path"),
        ({"oidc_role": "viewer"}, "expected oidc_tenant beside it"),
        ({"oidc_role": "owner", "oidc_tenant": "acme"}, "Input should be"),
    ],
)
def test_what_cannot_work_is_named(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(**{**WHOLE, **more})
