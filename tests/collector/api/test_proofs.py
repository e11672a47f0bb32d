"""Who made a request a moment ago is known by its token, method and path, and for a moment only."""

from datetime import timedelta

from collector.api.agents.proofs import FOR, Asked, Proofs
from collector.domain.agents.callers import AgentCaller
from common.identity import PrivateKey
from tests.collector.builders import T0

KEY = PrivateKey.generate().public
ASKED: Asked = ("token-1", "POST", "/agent/v1/batches")
SECOND = timedelta(seconds=1)


def caller(agent_id: str = "agt_1", good_for: timedelta = timedelta(minutes=3)) -> AgentCaller:
    return AgentCaller(1, agent_id, KEY, good_until=T0 + good_for)


def test_the_same_request_is_known_for_a_moment() -> None:
    proofs, known = Proofs(), caller()
    proofs.put(ASKED, known, T0)
    assert proofs.get(ASKED, T0 + SECOND) is known
    assert proofs.get(ASKED, T0 + FOR + SECOND) is None


def test_another_method_or_path_has_to_be_proven() -> None:
    proofs = Proofs()
    proofs.put(ASKED, caller(), T0)
    assert proofs.get(("token-1", "GET", "/agent/v1/batches"), T0) is None
    assert proofs.get(("token-1", "POST", "/agent/v1/keys"), T0) is None


def test_a_token_that_is_too_old_is_not_good_any_longer_for_being_known() -> None:
    proofs = Proofs()
    proofs.put(ASKED, caller(good_for=SECOND), T0)
    assert proofs.get(ASKED, T0 + 2 * SECOND) is None


def test_a_clock_that_goes_back_proves_nothing() -> None:
    proofs = Proofs()
    proofs.put(ASKED, caller(), T0)
    assert proofs.get(ASKED, T0 - SECOND) is None


def test_two_machines_that_speak_as_one_agent_are_proven_each_time() -> None:
    proofs = Proofs()
    proofs.put(ASKED, caller(), T0)
    proofs.put(("token-2", *ASKED[1:]), caller(), T0)
    assert proofs.get(ASKED, T0) is None


def test_what_is_forgotten_has_to_be_proven() -> None:
    proofs = Proofs()
    proofs.put(ASKED, caller(), T0)
    proofs.forget("agt_1")
    proofs.forget("agt_2")
    assert proofs.get(ASKED, T0) is None
