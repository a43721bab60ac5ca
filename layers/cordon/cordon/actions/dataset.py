"""Tag the buckets in which the data of a table lies.

A table of the Data Catalog has no tags of its own (AWS Glue Developer Guide, "AWS tags in AWS
Glue"), so what is tagged is where its data lies: ``capture`` reads it from the table. The tag marks
the whole bucket, and its key names the table: two tables of one bucket have two tags. Where the
partitions of a table lie is not read. All else is ``cordon.actions.tag_found``: each node also has
``location``, the S3 URI that led to it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.action import Json, Refused
from cordon.actions.grants import Grant, Statement
from cordon.actions.s3.tag import TagBucket
from cordon.actions.tag import KEY
from cordon.actions.tag_found import BUCKET, Look, Node, TagFound, bounded, cut, not_known
from cordon.clients import AwsClients, error_code
from cordon.sources.text import one_line

LOW_QUALITY = "cordon:low-quality"  # of a job; of a bucket it goes on with the table's name
LOCATION = re.compile(r"s3[an]?://(?P<bucket>[^/]+)(?:/.*)?", re.DOTALL)
MOST_LOCATION = 200  # characters of one that people read
_TABLES = Statement(
    "ReadTables",
    "arn:${AWS::Partition}:glue:*:${AWS::AccountId}:*",
    "where the data of a table lies",
    wide="a table is read through its catalog and database, and findings name any table",
)


@dataclass(frozen=True)
class TagDataset(TagFound):
    """Tag the buckets of a table with the cases that say that its data failed its rules."""

    database: str
    table: str
    cases: tuple[str, ...]

    family: ClassVar[str] = "dataset"
    grants: ClassVar[tuple[Grant, ...]] = (*TagBucket.grants, _TABLES.allows("glue:GetTable"))

    @property
    def target(self) -> str:
        return f"dataset:{self.resource}"

    @property
    def resource(self) -> str:
        return self.place.arn("glue", f"table/{self.database}/{self.table}")

    @property
    def in_words(self) -> str:
        return f"sets the tag {self.key} of the bucket in which the table's data lies"

    @property
    def caution(self) -> str:
        return (
            "which bucket it is, is read from the table when it is carried out; the tag marks the"
            " whole bucket, and keeps no job from reading the data"
        )

    @property
    def key(self) -> str:
        """The tag's key: no other table's hold writes it."""
        return f"{LOW_QUALITY}:{self.database}/{self.table}"

    def _look(self, aws: AwsClients) -> Look:
        if not KEY.fullmatch(self.key):
            raise Refused(f"{self.resource} has a name that no tag's key can have: tag it manually")
        table = self._table(aws)
        if "TargetTable" in table:
            raise Refused(
                f"{self.resource} is a link to a table of another database or catalog: find that"
                " table (aws glue get-table), and mark its data manually"
            )
        storage = table.get("StorageDescriptor", {})
        said = [storage.get("Location", ""), *storage.get("AdditionalLocations", [])]
        nodes = list(self._buckets(said))
        if not nodes:
            raise Refused(
                f"{self.resource} names no place in S3 (a view, or data elsewhere), and a table has"
                " no tags: mark its data manually"
            )
        return Look(nodes)

    def _buckets(self, locations: Iterable[str]) -> Iterable[Node]:
        """Each bucket once, with the first location in it."""
        found: dict[str, Node] = {}
        for location in locations:
            if match := LOCATION.fullmatch(location):
                arn = f"arn:{self.place.partition}{BUCKET}{match['bucket']}"
                found.setdefault(arn, {"arn": arn, "location": one_line(location, MOST_LOCATION)})
        return found.values()

    def _table(self, aws: AwsClients) -> Mapping[str, Any]:
        catalog = {"CatalogId": self.place.account, "DatabaseName": self.database}
        try:
            table: Mapping[str, Any] = aws.client("glue").get_table(**catalog, Name=self.table)
        except ClientError as error:
            if error_code(error) == "EntityNotFoundException":
                raise Refused(
                    f"the Data Catalog shows Cordon no {self.resource}: it was deleted, or Lake"
                    " Formation hides it. If it is there, mark its data manually"
                ) from error
            if "Lake Formation permission" in error.response["Error"].get("Message", ""):
                raise Refused(
                    f"Lake Formation does not let Cordon read {self.resource}: grant DESCRIBE on it"
                    " to this playbook's role, or mark its data manually"
                ) from error
            raise
        described: Mapping[str, Any] = table["Table"]
        return described

    def _none_taggable(self, nodes: Sequence[Node]) -> Exception:
        """S3 says the same of a bucket that is deleted and of another account's."""
        left = [f"{node['location']} ({node['left']})" for node in nodes]
        return Refused(
            f"the data of {self.resource} lies where Cordon can set no tag: {bounded(left)}. A"
            " bucket that is called deleted here may be another account's. Mark the data manually"
        )

    def _said(self, captured: Json) -> str:
        lies = bounded([node["location"] for node in captured["nodes"]])
        return cut(". ".join([f"the table's data lies in {lies}", *not_known(captured)]))
