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
from cordon.finding import canonical_json


class HoldReleased(Exception):
    """Nobody holds the target any more: the case was released while it was being contained."""


@dataclass(frozen=True)
class Hold:
    """One row: what was there before, what was written, and which cases want it how."""

    captured: Json | None
    written: Json | None
    members: tuple[tuple[str, Action], ...]  # (case, what it wants), sorted

    @property
    def cases(self) -> frozenset[str]:
        """The cases that hold the target."""
        return frozenset(case for case, _ in self.members)

    def combined(self) -> Action | None:
        """The one action that satisfies every case that holds the target; None when nobody does."""
        actions = [action for _, action in self.members]
        return reduce(lambda a, b: a.combine(b), actions) if actions else None


class Holds:
    """The hold rows of one table (keys ``hold#<target>``).

    Only ``join`` makes a row. The others fail on one that was forgotten meanwhile: a row without
    what was there before would make the next case take the contained state for it.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, target: str) -> Hold | None:
        """The row as it is now (consistent read), or None."""
        item = self._read(target)
        return _hold(item) if item is not None else None

    def join(self, action: Action, case: str) -> Hold:
        """This case wants the target so. Returns the row with every case in it."""
        return self._update(
            action.target,
            UpdateExpression="ADD cases :member",
            ExpressionAttributeValues={":member": {"SS": [_member(action, case)]}},
        )

    def save_capture(self, action: Action, captured: Json) -> Hold:
        """Keep how the target was, unless a case captured it earlier. Raises LetGo."""
        return self._held(
            action.target,
            UpdateExpression="SET captured = if_not_exists(captured, :captured)",
            ExpressionAttributeValues={":captured": {"S": canonical_json(captured)}},
        )

    def save_written(self, action: Action, written: Json) -> Hold:
        """Keep what was written, by which drift is told. Raises LetGo.

        Returns the row with every case that is in it by now: some may have come meanwhile.
        """
        return self._held(
            action.target,
            UpdateExpression="SET wrote = :wrote",
            ExpressionAttributeValues={":wrote": {"S": canonical_json(written)}},
        )

    def leave(self, target: str, case: str) -> Hold | None:
        """This case lets go, whatever it wanted. The row with the cases that remain, or None."""
        item = self._read(target)
        if item is None:
            return None
        members = [m for m in item.get("cases", {"SS": []})["SS"] if json.loads(m)["case"] == case]
        if not members:
            return _hold(item)
        return self._update(
            target,
            UpdateExpression="DELETE cases :members",
            ExpressionAttributeValues={":members": {"SS": members}},
        )

    def delete_if_free(self, target: str) -> bool:
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

    def _read(self, target: str) -> Mapping[str, Any] | None:
        row = self._dynamodb.get_item(TableName=self._table, Key=_key(target), ConsistentRead=True)
        item: Mapping[str, Any] | None = row.get("Item")
        return item

    def _held(self, target: str, **expressions: Any) -> Hold:
        try:
            held = "attribute_exists(cases)"
            return self._update(target, ConditionExpression=held, **expressions)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise HoldReleased(f"{target} is held by no case any more") from error
            raise

    def _update(self, target: str, **expressions: Any) -> Hold:
        row = self._dynamodb.update_item(
            TableName=self._table, Key=_key(target), ReturnValues="ALL_NEW", **expressions
        )
        return _hold(row["Attributes"])


def _key(target: str) -> dict[str, Any]:
    return {"id": {"S": f"hold#{target}"}}


def _member(action: Action, case: str) -> str:
    return canonical_json({"case": case, "action": action.to_json()})


def _hold(row: Mapping[str, Any]) -> Hold:
    raw = [json.loads(member) for member in row.get("cases", {"SS": []})["SS"]]
    members = sorted(raw, key=canonical_json)
    return Hold(
        captured=json.loads(row["captured"]["S"]) if "captured" in row else None,
        written=json.loads(row["wrote"]["S"]) if "wrote" in row else None,
        members=tuple((m["case"], from_json(m["action"])) for m in members),
    )
