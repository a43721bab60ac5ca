"""AWS Glue Data Quality: ``aws.glue-dataquality``, "Data Quality Evaluation Results Available".

Source: EventBridge Events Reference, "AWS Glue Data Quality events", for the names; for the shape
public captures, which differ from the Glue User Guide's sample in the names of the counts: nothing
depends on these. The kind says what was evaluated: ``glue-dataquality:Table`` for a table of the
Data Catalog, ``glue-dataquality:Job`` for data inside a job. ``state`` is the verdict on the data,
not on the run: FAILED is a finding, SUCCEEDED passes it. Every evaluation of the same rulesets over
the same data is the same finding.

Required: the table's or the job's name, and the envelope's account, Region and time. Glue gives no
severity.
"""

import hashlib

from cordon.finding import Fact, Finding, Place, Resource, State, canonical_json
from cordon.sources import facts, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import resource

SOURCE = "glue-dataquality"
CONTEXTS = {"Table": "GLUE_DATA_CATALOG", "Job": "GLUE_JOB"}  # by type: context.contextType
FAILED, PASSED = "FAILED", "SUCCEEDED"
_STATES = {FAILED: State.ACTIVE, PASSED: State.PASSED}
_MOST_RULESETS = 10  # that are named
_WORDS, _LONGEST_ID = 64, 512


def read(envelope: Field, digest: str) -> Finding:
    """The finding in an event: one evaluation."""
    detail = envelope["detail"]
    context = detail["context"]
    place = places.place(envelope["account"], envelope["region"])
    table = context["contextType"].choice(*CONTEXTS.values()) == CONTEXTS["Table"]
    about = _table(context, place) if table else _job(context, place)
    rulesets = sorted(name.text(text.TITLE) for name in detail["rulesetNames"].items())
    within = context["evaluationContext"].text(text.TITLE)
    result = detail["state"].text(_WORDS)
    first, last = times.first_and_last((), (envelope["time"],))
    return Finding(
        id=_id(about, [within, *rulesets]),
        source=SOURCE,
        channel=SOURCE,
        type="Table" if table else "Job",
        severity=severity.medium(),
        place=place,
        first_seen=first,
        last_seen=last,
        state=_STATES.get(result, State.NOT_EVALUATED),
        sample=False,
        authored_by_aws=True,
        resources=(about,),
        principal=None,
        title=text.one_line(f"The data quality of {about.name} is {result or '?'}", text.TITLE),
        description=text.one_line(", ".join(rulesets[:_MOST_RULESETS]), text.DESCRIPTION),
        detail_sha256=digest,
        facts=facts.stated(
            {Fact.STATUS: lambda: result, Fact.QUALITY: lambda: facts.said(detail["score"])}
        ),
    )


def _id(about: Resource, names: list[str]) -> str:
    """The same for the same data and rulesets. Their names may be many, and long."""
    readable = "/".join(filter(None, [about.arn, *names]))
    if len(readable) <= _LONGEST_ID:
        return readable
    return f"{about.arn}/{hashlib.sha256(canonical_json(names).encode()).hexdigest()}"


def _table(context: Field, place: Place) -> Resource:
    """A catalog is named by its account's id, which may be another's."""
    owner = context["catalogId"].if_any(shapes.ACCOUNT_ID) or place.account
    where = Place(place.partition, owner, place.region)
    database, table = (context[n].required(shapes.GLUE_NAME) for n in ("databaseName", "tableName"))
    name = f"{database}/{table}"
    arn = where.arn("glue", f"table/{name}")
    return resource(context["tableName"], "AWS::Glue::Table", name, where, arn=arn)


def _job(context: Field, place: Place) -> Resource:
    name = context["jobName"].required(shapes.GLUE_NAME)
    arn = place.arn("glue", f"job/{name}")
    return resource(context["jobName"], "AWS::Glue::Job", name, place, arn=arn)
