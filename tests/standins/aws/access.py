"""STS and IAM where moto is lax."""

from tests.standins.aws.calls import Call
from tests.standins.aws.identities import check_trust, principal_of, simulate
from tests.standins.aws.world import Answer, Handlers, World


def _assume(call: Call, _: World) -> Answer:
    check_trust(call, principal_of(call.access_key))
    return None


def _simulate(call: Call, _: World) -> Answer:
    return simulate(call)


HANDLERS: Handlers = {("sts", "AssumeRole"): _assume, ("iam", "SimulatePrincipalPolicy"): _simulate}
