"""AWS Config's own part of the custom rules of a stack: it invokes their functions.

Sources: AWS Config Developer Guide, "Example Events for AWS Config Rules"; AWS Lambda Developer
Guide, "Understanding event-driven architectures" (Config invokes asynchronously). A rule is
evaluated when a test says so, and not at its frequency. That Config needs a recorder is not played.
"""

import json

from embedded.backends import config_rules, here
from embedded.delivery import EventDelivery
from embedded.functions import Runtime
from embedded.scheduler import Clock
from embedded.stack import Stack

PRINCIPAL = "config.amazonaws.com"


class ConfigRules:
    """The rules of one stack."""

    def __init__(
        self, stack: Stack, runtime: Runtime, clock: Clock, event_delivery: EventDelivery
    ) -> None:
        self._stack = stack
        self._runtime = runtime
        self._clock = clock
        self._event_delivery = event_delivery

    def evaluate(self, logical: str) -> None:
        """Invoke the function of a periodic rule, by its logical id: ``settle`` runs it.

        Raises PermissionError where the function's policy does not let Config in.
        """
        rule, place = self._stack.resources[logical], self._stack.place
        source = rule.properties["Source"]
        function = self._runtime.find(source["SourceIdentifier"])
        may = self._event_delivery.permissions.service
        if function is None or not may(PRINCIPAL, "lambda:InvokeFunction", function.arn, rule.arn):
            raise PermissionError(f"{logical}: Config may not invoke {source['SourceIdentifier']}")
        at = self._clock.now.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        invoking = {
            "awsAccountId": place.account,
            "notificationCreationTime": at,
            "messageType": source["SourceDetails"][0]["MessageType"],
            "recordVersion": "1.0",
        }
        token = config_rules.begin(rule.physical, rule.arn, here(place.account, place.region))
        event = {
            "version": "1.0",
            "invokingEvent": json.dumps(invoking),
            "ruleParameters": json.dumps(rule.properties.get("InputParameters", {})),
            "resultToken": token,
            "eventLeftScope": False,
            "executionRoleArn": place.arn("iam", "role/config", region=""),
            "configRuleArn": rule.arn,
            "configRuleName": rule.physical,
            "configRuleId": rule.arn.rpartition("/")[2],
            "accountId": place.account,
        }
        self._event_delivery.invoke_later(function, event)
