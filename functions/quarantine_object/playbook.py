"""Quarantine an object in which malware was found.

When    GuardDuty finds malware in an object of a bucket, as a finding or as a scan's result.
Does    the bucket's policy denies reading and tagging of whatever has the tag cordon:status =
        quarantined; the object, in the version that was scanned, gets that tag. People get an
        incident.
Undo    restores the object's tags; the statement goes with the bucket's last quarantined object.
Leaves  every other object, writing and deleting, and reading for break-glass, our own and
        service-linked roles.
"""

from cordon.actions import Action
from cordon.actions.s3 import DenyBucketAccess, TagObject
from cordon.actions.s3.deny_statements import QUARANTINED, QUARANTINED_OBJECTS
from cordon.deadlines import AI_ACT_73, GDPR_33, HIPAA_164_404
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import MALICIOUS_OBJECT, Fact, Finding
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.unsupported import objects, unsupported_object

MANUAL_STEP = (
    "Find who wrote the object, and which jobs, models and people have read it since: what has"
    " read it goes on. See that nobody uploads it again: what is uploaded under its name is"
    " readable until a scan finds it. A copy, a replica or another version of it is not"
    " quarantined. Then delete this version, or release it if the finding is wrong."
)


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """The statement before the tag: with both, nobody can take the tag off."""
    key, value = QUARANTINED
    return [
        action
        for item in objects(finding)
        for bucket, _, name in [item.arn.partition(":::")[2].partition("/")]
        for action in (
            DenyBucketAccess(
                item.place,
                bucket,
                (QUARANTINED_OBJECTS,),
                deployment.never_locked_out(item.place.partition, item.place.account),
            ),
            TagObject(item.place, bucket, name, finding.fact(Fact.OBJECT_VERSION), {key: (value,)}),
        )
    ]


PLAYBOOK = Playbook(
    name="quarantine_object",
    handles=(f"guardduty:{MALICIOUS_OBJECT}",),
    targets=objects,
    unsupported=unsupported_object,
    plan=plan,
    actions=(DenyBucketAccess, TagObject),
    controls=(
        "NIST.800-53.r5 SI-3",
        "NIST.800-53.r5 AC-3",
        "NIST.800-53.r5 SR-11",
        "NIST.800-53.r5 IR-4(1)",
        "ISO/IEC 27001:2022 A.8.7",
        "SOC 2 CC6.8",
        "HIPAA 164.308(a)(5)(ii)(B)",
        "GDPR Art. 32",
        "PCI DSS v4.0.1 5.2",
    ),
    defence_layer="data protection",
    serves=Serves.SECURITY,
    recommended_mode=Mode.ENFORCE,
    manual_step=lambda _: MANUAL_STEP,
    incident=Incident.ALWAYS,
    clocks=(GDPR_33, HIPAA_164_404, AI_ACT_73),
    by_arn=("AWS::S3::Object",),
)

handler = serve(PLAYBOOK)
