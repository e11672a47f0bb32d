"""Which requests name a thing of another tenant."""

import pytest

from collector.prove.proofs._walk import Route, unlike, walk

IDS = {"keys": "key_0123456789ab", "incidents": "7", "webhooks": "whk_0123456789ab", "deliveries": "3", "members": "4"}


def test_a_route_is_asked_with_the_foreign_id_and_with_one_that_nothing_has() -> None:
    (asked,) = walk([Route("admin", "DELETE", "/api/v1/admin/keys/{key_id}")], IDS).asked
    assert asked.path == "/api/v1/admin/keys/key_0123456789ab"
    assert asked.nobodys.startswith("/api/v1/admin/keys/key_0123")
    assert asked.nobodys != asked.path


def test_every_id_of_a_path_is_the_other_tenants_and_actions_are_all_tried() -> None:
    (two,) = walk([Route("admin", "GET", "/webhooks/{endpoint_id}/deliveries/{seq}")], IDS).asked
    assert two.path == "/webhooks/whk_0123456789ab/deliveries/3"
    moves = walk([Route("status", "POST", "/maintenance/{window_id}/{action}")], {"maintenance": "1"}).asked
    assert [one.path for one in moves] == ["/maintenance/1/start", "/maintenance/1/complete", "/maintenance/1/cancel"]


def test_a_kind_of_thing_that_is_not_there_is_named_and_what_names_nothing_is_counted() -> None:
    routes = [Route("admin", "GET", "/things/{thing_id}"), Route("admin", "GET", "/members"), Route("web", "GET", "/")]
    found = walk(routes, IDS)
    assert (found.without_object, found.without_id, list(found.asked)) == (["GET /things/{thing_id}"], 2, [])


def test_what_is_everybodys_is_no_foreign_thing() -> None:
    assert walk([Route("admin", "PUT", "/thresholds/{check_id}/tenant")], IDS).without_id == 1


@pytest.mark.parametrize("one", ["7", "123456789012", "whk_0123456789ab", "agt_01m824dhdcde2v0y9hnbe8"])
def test_an_id_that_nothing_has_is_of_the_same_form(one: str) -> None:
    other = unlike(one)
    assert other != one
    assert other.isdigit() == one.isdigit()
    assert len(other) == len(one) or one.isdigit()
