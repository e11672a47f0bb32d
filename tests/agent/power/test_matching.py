"""Which schedules a resource is subject to."""

from msgspec import structs

from agent.power.matching import Wanted, applies, wanted
from agent.power.messages import Seen
from tests.agent.power.builders import database, instance, schedule

ARN = "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"


def test_all_tags_must_be_there_with_their_values() -> None:
    one = schedule(tags={"Environment": "dev", "Schedule": "office"})
    assert applies(one, Seen(instance(tags={"Environment": "dev", "Schedule": "office", "Team": "a"})))
    assert not applies(one, Seen(instance(tags={"Environment": "dev"})))
    assert not applies(one, Seen(instance(tags={"Environment": "Dev", "Schedule": "office"})))
    assert not applies(one, Seen(instance()))


def test_a_resource_is_named_by_its_id_or_its_arn() -> None:
    assert applies(schedule(resources=("i-1",)), Seen(instance()))
    assert applies(schedule(resources=(ARN,)), Seen(instance(), arn=ARN))
    assert not applies(schedule(resources=("i-2",)), Seen(instance(), arn=ARN))


def test_a_schedule_without_tags_and_names_applies_to_nothing() -> None:
    assert not applies(schedule(), Seen(instance(tags={"Environment": "dev"})))


def test_only_the_kinds_that_a_schedule_names_are_subject_to_it() -> None:
    machines = structs.replace(schedule(resources=("i-1", "db-1")), resource_types=("EC2",))
    assert applies(machines, Seen(instance()))
    assert not applies(machines, Seen(database()))


def test_a_look_asks_for_each_thing_once() -> None:
    first = schedule(tags={"b": "2", "a": "1"}, resources=("i-2", "i-1"))
    again = schedule(id="s2", tags={"a": "1", "b": "2"})
    third = schedule(id="s3", resources=("i-1",))
    assert wanted([third, again, first]) == Wanted(("EC2", "RDS"), ({"a": "1", "b": "2"},), ("i-1", "i-2"))
