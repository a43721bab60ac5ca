"""What a rule reports to AWS Config.

Results go as they come, a hundred at a time, all with the token of the request: so those are there
that were found before the time is over. What an earlier run has reported and this one has not found
is NOT_APPLICABLE: it was deleted, or the rule is no longer about it. That is said only after a run
that saw everything. Of types that could not be listed it is not said; where something of them is
known, that is a failure, and where nothing is, the Region may not have the service.

Sources: AWS Config API Reference, "PutEvaluations" (100 evaluations a call; FailedEvaluations are
those that were not taken), "GetComplianceDetailsByConfigRule"; AWS Config Developer Guide,
"Managing Deleted Resources for AWS Config Custom Lambda Rules".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cordon.assessing.evaluation import (
    ACCOUNT,
    Compliance,
    Evaluation,
    Found,
    Unlisted,
    Unread,
)
from cordon.assessing.request import Request
from cordon.errors import RunIncomplete

MOST_AT_ONCE = 100
OUT_OF_TIME = "the time is over before everything was looked at"
NO_LONGER = "deleted, or the rule is no longer about it"


@dataclass
class Results:
    """The results of one request: put, counted, and completed."""

    config: Any
    request: Request
    counts: dict[str, int] = field(default_factory=dict)
    complete: bool = True  # was everything looked at?

    def put_all(self, found: Found, has_time: Callable[[], bool]) -> None:
        """Report all that is found. Raises RunIncomplete at its end, where something is missing."""
        seen: set[tuple[str, str]] = set()
        unread: list[Unread] = []
        unlisted: list[Unlisted] = []
        failed = 0
        for some in _hundreds(self._in_time(found, has_time)):
            seen |= {one.resource for one in some if not isinstance(one, Unlisted)}
            unlisted += [one for one in some if isinstance(one, Unlisted)]
            unread += [one for one in some if isinstance(one, Unread)]
            failed += self._put([one for one in some if isinstance(one, Evaluation)])
        if not self.complete:
            raise RunIncomplete(f"{self.request.rule}: {OUT_OF_TIME}")
        known = self._known()
        for one in unlisted:
            unread += [Unread(*this, one.why) for this in known if this[0].startswith(one.types)]
        seen |= {one.resource for one in unread}
        over = [
            Evaluation(type, id, Compliance.NOT_APPLICABLE, NO_LONGER)
            for type, id in sorted(known - seen)
        ]
        if not seen and not known:  # else nothing would show that the rule was evaluated
            over.append(Evaluation(ACCOUNT, self.request.account, Compliance.NOT_APPLICABLE))
        failed += sum(self._put(some) for some in _hundreds(over))
        self._complain(unread, failed)

    def _in_time(self, found: Found, has_time: Callable[[], bool]) -> Found:
        for one in found:
            yield one
            if not has_time():
                self.complete = False
                return

    def _put(self, evaluations: Sequence[Evaluation]) -> int:
        """How many of these were not taken."""
        if not evaluations:
            return 0
        for one in evaluations:
            self.counts[one.compliance] = self.counts.get(one.compliance, 0) + 1
        said = self.config.put_evaluations(
            Evaluations=[one.to_json(self.request.at) for one in evaluations],
            ResultToken=self.request.token,
        )
        return len(said.get("FailedEvaluations", ()))

    def _known(self) -> set[tuple[str, str]]:
        """What this rule was about, by what Config shows of it now."""
        pages = self.config.get_paginator("get_compliance_details_by_config_rule").paginate(
            ConfigRuleName=self.request.rule,
            ComplianceTypes=[str(Compliance.COMPLIANT), str(Compliance.NON_COMPLIANT)],
        )
        qualifiers = (
            one["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
            for page in pages
            for one in page["EvaluationResults"]
        )
        return {(one["ResourceType"], one["ResourceId"]) for one in qualifiers}

    def _complain(self, unread: Sequence[Unread], failed: int) -> None:
        faults = [f"{one.id}: {one.why}" for one in unread[:3]]
        if more := len(unread) - len(faults):
            faults.append(f"{more} more could not be read")
        if failed:
            faults.append(f"Config did not take {failed} results")
        if faults:
            raise RunIncomplete(f"{self.request.rule}: {'; '.join(faults)}")


def _hundreds(items: Iterable[Any]) -> Iterator[list[Any]]:
    some: list[Any] = []
    for one in items:
        some.append(one)
        if len(some) == MOST_AT_ONCE:
            yield some
            some = []
    if some:
        yield some
