"""Roads of what pauses agents, beside its samples: what a person names by its ARN."""

from collections.abc import Callable

from console.staging import stage
from cordon import by_arn
from cordon.statuses import Status
from embedded import backends
from embedded.backends import agentcore, customization
from tests.examples import HEADERS, folder_of
from tests.make import NOON
from tests.promises.test_by_arn import PLACE, named
from tests.promises.world import World

PAUSE = HEADERS[folder_of("cloudtrail_runtime_shared")]
ROLE = PLACE.arn("iam", "role/service/AgentRole", region="")
RUNTIME = PLACE.arn("bedrock-agentcore", "runtime/help-0123456789")


def role_is_denied(world: World) -> None:
    """The role of an agent: the deny is attached and detached."""
    stage(by_arn.finding_of(ROLE, PAUSE, PLACE, NOON), world.account.client)
    _contained_and_released(world, ROLE)


def without_policy(world: World) -> None:
    """The runtime has no policy: releasing deletes ours."""
    where = backends.here(PLACE.account, PLACE.region)
    agentcore.make(RUNTIME, where, PLACE.arn("iam", "role/AgentRole", region=""))
    _contained_and_released(world, RUNTIME)


def _contained_and_released(world: World, arn: str) -> None:
    assert named(world, PAUSE.name, arn) == ""
    assert world.case().status is Status.CONTAINED
    assert world.release(world.case()).status is Status.REOPENED


def knowledge_base_is_closed(world: World) -> None:
    """A managed knowledge base has no policy: releasing deletes ours; with one it is put back."""
    where = backends.here(PLACE.account, PLACE.region)
    customization.base("KBMANAGED1", where, bucket="arn:aws:s3:::acme-docs", type="MANAGED")
    _contained_and_released(world, PLACE.arn("bedrock", "knowledge-base/KBMANAGED1"))


AGENT_ROADS: tuple[Callable[[World], None], ...] = (
    role_is_denied,
    without_policy,
    knowledge_base_is_closed,
)
