"""Which HTTP proxy the agent takes, and what it says of it."""

from pathlib import Path

import pytest

from agent.proxy import Proxy, choose, usable_proxy
from agent.way import Way
from common.errors import ConfigurationError

URL = "https://collector.example:8443"
BY_ENVIRONMENT = {"HTTPS_PROXY": "http://env.example:3128"}


@pytest.mark.parametrize(
    ("way", "url", "environment", "expected"),
    [
        (Way(), URL, {}, None),
        (Way(proxy="http://p.example:3128"), URL, {}, "http://p.example:3128"),
        (Way(proxy="http://p.example:3128"), URL, {**BY_ENVIRONMENT, "NO_PROXY": "*"}, "http://p.example:3128"),
        (Way(), URL, BY_ENVIRONMENT, "http://env.example:3128"),
        (Way(), URL, {"https_proxy": "env.example:3128"}, "http://env.example:3128"),
        (Way(proxy="none"), URL, BY_ENVIRONMENT, None),
        (Way(), "http://127.0.0.1:8443", BY_ENVIRONMENT, None),
        (Way(proxy="http://p.example:3128"), "http://127.0.0.1:8443", {}, None),
        (Way(), URL, {**BY_ENVIRONMENT, "NO_PROXY": "other.example, .example"}, None),
        (Way(), URL, {**BY_ENVIRONMENT, "no_proxy": "collector.example:8443"}, None),
        (Way(), URL, {**BY_ENVIRONMENT, "no_proxy": "collector.example:443"}, "http://env.example:3128"),
        (Way(), URL, {**BY_ENVIRONMENT, "no_proxy": "lector.example"}, "http://env.example:3128"),
        (Way(), "https://10.1.2.3", {**BY_ENVIRONMENT, "no_proxy": "10.0.0.0/8"}, None),
    ],
)
def test_the_setting_goes_before_the_environment(
    way: Way, url: str, environment: dict[str, str], expected: str | None
) -> None:
    found = choose(way, url, environment)
    assert (found.url if found else None) == expected


def test_a_login_is_read_from_its_file_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_text("user:pa:ss\n")
    found = choose(Way(proxy="http://p.example:3128", proxy_login_file=str(file)), URL, {})
    assert found == Proxy("http://p.example:3128", "Basic dXNlcjpwYTpzcw==")
    assert "dXNl" not in repr(found)


def test_a_login_in_the_environment_is_taken_out_of_the_address() -> None:
    found = choose(Way(), URL, {"HTTPS_PROXY": "http://user:p%40ss@env.example:3128"})
    assert found == Proxy("http://env.example:3128", "Basic dXNlcjpwQHNz")


@pytest.mark.parametrize("content", [None, "", "user", "user:a\nuser:b"])
def test_a_file_without_a_login_is_named_and_not_shown(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "login"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"proxy_login_file: `.*login`") as raised:
        choose(Way(proxy="http://p.example:3128", proxy_login_file=str(file)), URL, {})
    assert "user" not in str(raised.value).replace("user:password", "")


@pytest.mark.parametrize(
    "text", ["p.example:3128", "https://p.example:3128", "http://p.example/x", "socks5://p.example"]
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected http://host:port, or none"):
        usable_proxy(text)


def test_a_login_in_the_setting_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="proxy_login_file") as raised:
        usable_proxy("http://user:secret@p.example:3128")
    assert "secret" not in str(raised.value)
    assert usable_proxy("http://p.example:3128/") == "http://p.example:3128"
