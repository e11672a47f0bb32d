"""Plans, roles, names and addresses."""

import pytest

from collector.domain.access import rules as access
from collector.domain.tenants import rules as tenants
from collector.domain.tenants.rules import Plan


@pytest.mark.parametrize(
    ("plan", "per_minute", "groups"),
    [
        ("enterprise", 100, {"health", "tuneops", "activity", "team"}),
        ("business", 60, {"health", "tuneops"}),
        ("team", 30, {"health"}),
        ("individual", 30, set()),
    ],
)
def test_a_plan_includes_what_the_contract_says(plan: Plan, per_minute: int, groups: set[str]) -> None:
    assert tenants.per_minute(plan, None) == per_minute
    assert tenants.TERMS[plan].groups == groups


def test_only_the_enterprise_plan_has_its_own_figure() -> None:
    assert tenants.per_minute("enterprise", 2500) == 2500
    assert tenants.per_minute("business", 2500) == 60
    assert tenants.check_rate_limit("enterprise", 2500) == 2500
    assert tenants.check_rate_limit("team", None) is None
    with pytest.raises(ValueError, match="plan business has 60 a minute"):
        tenants.check_rate_limit("business", 2500)


@pytest.mark.parametrize("value", [0, -1, tenants.MAX_PER_MINUTE + 1])
def test_a_rate_limit_out_of_range_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match=f"^rate_limit: {value}; expected 1 to"):
        tenants.check_rate_limit("enterprise", value)


@pytest.mark.parametrize("slug", ["a", "acme", "acme-2", "0", "x" * 63])
def test_a_slug_is_a_dns_label(slug: str) -> None:
    assert tenants.check_slug(slug) == slug


@pytest.mark.parametrize("slug", ["", "-a", "a-", "api", "Acme", "a b", "a_b", "ä", "x" * 64, "a\n"])
def test_any_other_slug_is_refused(slug: str) -> None:
    with pytest.raises(ValueError, match=r"^slug: "):
        tenants.check_slug(slug)


def test_unknown_words_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'gold'; expected one of individual, team, business, enterprise"):
        tenants.parse_plan("gold")
    with pytest.raises(ValueError, match="'root'; expected one of owner, admin, dba, viewer"):
        access.parse_role("root")


@pytest.mark.parametrize(("text", "name"), [("Grafana", "Grafana"), ("  CI pipeline ", "CI pipeline"), ("Ö", "Ö")])
def test_a_name_is_trimmed(text: str, name: str) -> None:
    assert access.check_name(text) == name


@pytest.mark.parametrize("text", ["", "   ", "a\nb", "\x00", "x" * 121, "a\u202eb"])
def test_a_name_that_cannot_be_shown_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^name: "):
        access.check_name(text)


def test_an_address_is_kept_in_lower_case() -> None:
    assert access.check_email(" Ana@Example.COM ") == "ana@example.com"


@pytest.mark.parametrize("text", ["", "ana", "@example.com", "ana@", "a b@example.com", "a@b@c", "x" * 250 + "@e.io"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^email: "):
        access.check_email(text)
