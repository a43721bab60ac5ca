"""Who holds what shut, and how it was before.

One DynamoDB row per target. ``cases`` is a set, one member per case and its action; the first
capture wins; the last case to let go restores. A case joins *before* anything is captured, so
that a release under way sees it and cannot forget what was there before.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from botocore.exceptions import ClientError

from cordon.actions import Action, Json, from_json
from cordon.playbook import canonical


@dataclass(frozen=True)
class Hold:
    """One row: what was there before, what was written, and which cases want it so."""

    captured: Json | None
    wrote: Json | None
    cases: Mapping[str, Action]

    def wanted(self) -> Action | None:
        """The one action that satisfies every case that holds the target; None when nobody does."""
        actions = [self.cases[case] for case in sorted(self.cases)]
        return reduce(lambda a, b: a.join(b), actions) if actions else None


class Holds:
    """The hold rows of one table (keys ``hold#<target>``)."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, target: str) -> Hold | None:
        """The row as it is now (consistent read), or None."""
        row = self._dynamodb.get_item(TableName=self._table, Key=_key(target), ConsistentRead=True)
        return _hold(row["Item"]) if "Item" in row else None

    def join(self, action: Action, case: str) -> Hold:
        """This case wants the target so. Returns the row with every case in it."""
        return self._update(
            action.target,
            UpdateExpression="ADD cases :member",
            ExpressionAttributeValues={":member": {"SS": [_member(action, case)]}},
        )

    def keep(self, action: Action, captured: Json) -> Hold:
        """Keep how the target was, unless a case captured it earlier."""
        return self._update(
            action.target,
            UpdateExpression="SET captured = if_not_exists(captured, :captured)",
            ExpressionAttributeValues={":captured": {"S": canonical(captured)}},
        )

    def note(self, action: Action, wrote: Json) -> None:
        """Keep what was written, by which drift is told."""
        self._update(
            action.target,
            UpdateExpression="SET wrote = :wrote",
            ExpressionAttributeValues={":wrote": {"S": canonical(wrote)}},
        )

    def leave(self, action: Action, case: str) -> Hold:
        """This case lets go. Returns the row with the cases that remain."""
        return self._update(
            action.target,
            UpdateExpression="DELETE cases :member",
            ExpressionAttributeValues={":member": {"SS": [_member(action, case)]}},
        )

    def forget(self, target: str) -> bool:
        """Remove the row if nobody holds the target; False when a case arrived meanwhile."""
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_key(target),
                ConditionExpression="attribute_not_exists(cases)",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _update(self, target: str, **expressions: Any) -> Hold:
        row = self._dynamodb.update_item(
            TableName=self._table, Key=_key(target), ReturnValues="ALL_NEW", **expressions
        )
        return _hold(row["Attributes"])


def _key(target: str) -> dict[str, Any]:
    return {"id": {"S": f"hold#{target}"}}


def _member(action: Action, case: str) -> str:
    return canonical({"case": case, "action": action.to_json()})


def _hold(row: Mapping[str, Any]) -> Hold:
    members = [json.loads(member) for member in row.get("cases", {"SS": []})["SS"]]
    return Hold(
        captured=json.loads(row["captured"]["S"]) if "captured" in row else None,
        wrote=json.loads(row["wrote"]["S"]) if "wrote" in row else None,
        cases={m["case"]: from_json(m["action"]) for m in members},
    )
