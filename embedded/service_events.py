"""The events that services send when something changes: each as the service's own page has it."""

import json
from collections.abc import Mapping
from typing import Any

from embedded.backends import Where, cloudformation, hub
from embedded.delivery import EventDelivery
from embedded.journal import Journal
from embedded.place import Place
from embedded.scheduler import Clock


class ServiceEvents:
    """What services send to the default bus of one account. Rules see it in their turn."""

    def __init__(
        self, place: Place, clock: Clock, journal: Journal, event_delivery: EventDelivery
    ) -> None:
        self._place = place
        self._clock = clock
        self._journal = journal
        self._event_delivery = event_delivery

    def event(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The event of an entry of PutEvents."""
        return {
            "version": "0",
            "id": self._uuid(),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": self._place.account,
            "time": self._clock.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._place.region,
            "resources": list(entry.get("Resources", [])),
            "detail": json.loads(entry["Detail"]),
        }

    def _emit(self, source: str, kind: str, resources: list[str], detail: dict[str, Any]) -> None:
        """An event of a service, as PutEvents would have it."""
        entry = {"Source": source, "DetailType": kind, "Resources": resources}
        event = self.event({**entry, "Detail": json.dumps(detail)})
        self._event_delivery.put_later(event)

    def set_stack_status(self, id: str, status: str) -> None:
        """Give a stack a status, with CloudFormation's event of it; without one, there is none.

        Source: CloudFormation User Guide, "Stack Status Change event detail".
        """
        cloudformation.set_status(self._here, id, status)
        if status:
            detail = {"stack-id": id, "status-details": {"status": status, "status-reason": ""}}
            self._emit("aws.cloudformation", "CloudFormation Stack Status Change", [id], detail)

    def called(self, service: str, operation: str, params: Mapping[str, Any]) -> None:
        """The event of Parameter Store (Systems Manager User Guide, "Amazon EventBridge event
        examples for Systems Manager")."""
        changed = {"PutParameter": "Update" if params.get("Overwrite") else "Create"}
        changed["DeleteParameter"] = "Delete"
        if service == "ssm" and operation in changed:
            name = str(params["Name"])
            arn = self._place.arn("ssm", f"parameter/{name.lstrip('/')}")
            detail = {"operation": changed[operation], "name": name, "type": "String"}
            self._emit("aws.ssm", "Parameter Store Change", [arn], detail)

    def on_finding(self, where: Where, event: dict[str, Any]) -> None:
        """Security Hub emits an event for every finding that is imported or updated."""
        if where == self._here:
            self._event_delivery.put_later({"id": self._uuid(), **event})

    def on_compliance(self, where: Where, detail: dict[str, Any]) -> None:
        """Config emits an event for every change of a resource's compliance with a rule."""
        if where == self._here:
            self._emit("aws.config", "Config Rules Compliance Change", [], detail)

    def stage(self, event: Mapping[str, Any]) -> None:
        """Security Hub has every finding that it sends an event of.

        It has none that its own model does not allow: the receivers have to see what that is.
        """
        if event.get("source") != "aws.securityhub":
            return
        for finding in _findings(event):
            if not hub.holds(self._here, finding["ProductArn"], finding["Id"]):
                hub.store(self._here, finding)

    def _uuid(self) -> str:
        return f"00000000-0000-4000-9000-{len(self._journal):012x}"

    @property
    def _here(self) -> Where:
        return Where(self._place.account, self._place.region, self._place.partition)


def _findings(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The findings in an event of Security Hub that it can have."""
    detail = event.get("detail")
    found = detail.get("findings") if isinstance(detail, Mapping) else None
    listed = found if isinstance(found, list) else []
    return [one for one in listed if isinstance(one, dict) and hub.fits(one)]
