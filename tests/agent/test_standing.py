"""A machine that is parked says so, also after a restart, until it is accepted."""

from pathlib import Path

from agent import standing
from agent.host_id import is_parked, origin
from agent.identity import Identity
from agent.link import Link
from agent.problems import Problems
from common.identity import PrivateKey
from tests.agent.collectors import Collector, serving

PATH = "/agent/v1/assignment"


async def test_being_parked_is_shown_and_outlives_a_restart(tmp_path: Path) -> None:
    async with serving(Collector()) as collector:
        key = PrivateKey.generate()
        collector.agents["agt_1"] = key.public

        async def ask(problems: Problems) -> str:
            """The first request of a new process; which start of the agent it says that it is."""
            here = Identity("agt_1", collector.url, key, None, origin(tmp_path))
            async with Link(here) as link:
                standing.follow(link, tmp_path, problems)
                await link.request("GET", PATH, deadline_s=5)
                return link.identity.origin.instance

        well = Problems()
        first = await ask(well)
        assert well.texts() == ()
        clone = origin(tmp_path).instance
        assert clone != first
        collector.parked.update({clone, first})
        standing_of = Problems()
        (tmp_path / "instance.parked").write_text(f"{clone}\n")
        assert await ask(standing_of) == clone
        assert "parked this one" in standing_of.texts()[0]
        assert is_parked(tmp_path)
        assert await ask(Problems()) == clone, "it is the same one after a restart"
        collector.parked.clear()
        over = Problems()
        assert await ask(over) == clone
        assert over.texts() == ()
        assert not is_parked(tmp_path)
        assert await ask(Problems()) != clone


async def test_a_parked_answer_is_kept_at_once(tmp_path: Path) -> None:
    async with serving(Collector()) as collector:
        key, here = PrivateKey.generate(), origin(tmp_path)
        collector.agents["agt_1"] = key.public
        collector.parked.add(here.instance)
        async with Link(Identity("agt_1", collector.url, key, None, here)) as link:
            standing.follow(link, tmp_path, Problems())
            await link.request("GET", PATH, deadline_s=5)
        assert origin(tmp_path) == here
        assert [one.instance for one in collector.origins] == [here.instance]
