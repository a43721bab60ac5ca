"""Where Lambda sends what it has done or given up, under the function's own role.

Lambda developer guide: "Capturing records of Lambda asynchronous invocations", for destinations and
dead-letter queues; "Retain discarded records for a DynamoDB event source in Lambda", for streams.
What the role may not send is lost.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from embedded.clients import Clients
from embedded.dead_letters import DeadLetters
from embedded.functions import Function
from embedded.journal import Dropped, Journal, Retained
from embedded.place import Place
from embedded.scheduler import Clock
from embedded.service_permissions import SENDS, Permissions
from embedded.stack import Unresolved
from embedded.streams import Discarded, Reader, invocation_record, object_key

Allowed = Callable[[str, str, str], bool]  # role ARN, action, resource: what IAM decides now


@dataclass
class Destinations:
    """Sends records, events and objects for functions."""

    place: Place
    clock: Clock
    journal: Journal
    client: Clients
    permissions: Permissions
    allowed: Allowed
    dead_letters: DeadLetters

    def send(
        self,
        function: Function,
        arn: str,
        body: str,
        reason: str,
        attributes: Mapping[str, str],
    ) -> None:
        """Send to a queue or a topic."""
        service = arn.split(":")[2]
        if not self.permissions.role(function.role, SENDS[service], arn):
            why = f"{reason}; and its role may not {SENDS[service]} on {arn}"
            self.journal.write(Dropped(arn, body, why))
        elif service == "sqs":
            self.dead_letters.send(arn, body, reason, attributes)
        elif service == "sns":
            self.client("sns").publish(TopicArn=arn, Message=body)
        else:
            raise Unresolved(f"{function.logical}: destinations of {service} are not built here")

    def discard(self, given_up: Discarded, reader: Reader) -> None:
        """Send records of a stream that were given up to the mapping's destination."""
        mapping, now = given_up.mapping, self.clock.now
        request = f"00000000-0000-4000-a000-{len(self.journal):012x}"
        record = invocation_record(given_up, now, request)
        if not mapping.on_failure:
            self.journal.write(Dropped(mapping.stream, json.dumps(record), given_up.reason))
        elif mapping.on_failure.split(":")[2] != "s3":
            reason = given_up.reason
            self.send(mapping.function, mapping.on_failure, json.dumps(record), reason, {})
        else:
            event = json.dumps(reader.event(given_up.records))
            body = json.dumps({**record, "payload": event})
            self._retain(given_up, object_key(mapping, now, request), body)

    def _retain(self, given_up: Discarded, key: str, body: str) -> None:
        """Write an object. If that is refused, the records are lost."""
        bucket, role = given_up.mapping.on_failure, given_up.mapping.function.role
        where = f"{bucket}/{key}"
        needs = [("s3:PutObject", where), ("s3:ListBucket", bucket), *self._encrypts(bucket)]
        refused = [action for action, arn in needs if not self.allowed(role, action, arn)]
        if refused:
            reason = f"{given_up.reason}; and its role may not {', '.join(refused)}"
            self.journal.write(Dropped(where, body, reason))
            return
        self.client("s3").put_object(Bucket=bucket.rsplit(":", 1)[-1], Key=key, Body=body.encode())
        self.journal.write(Retained(where, body, given_up.reason))

    def _encrypts(self, bucket: str) -> list[tuple[str, str]]:
        """A bucket with a key of the account needs that key too."""
        found = self.client("s3").get_bucket_encryption(Bucket=bucket.rsplit(":", 1)[-1])
        rules = found["ServerSideEncryptionConfiguration"]["Rules"]
        defaults = (rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules)
        keys = (str(one["KMSMasterKeyID"]) for one in defaults if one.get("KMSMasterKeyID"))
        arns = (k if k.startswith("arn:") else self.place.arn("kms", f"key/{k}") for k in keys)
        return [("kms:GenerateDataKey", arn) for arn in arns]
