"""Switch detection on again where somebody has switched it off.

When    CloudTrail or GuardDuty says that a trail, the configuration recorder, a GuardDuty detector
        or feature, or Macie was switched off, or that a KMS key was disabled or is to be deleted;
        or that model invocation logging or the enforced guardrail was deleted or replaced.
Does    switches it on again; cancels the deletion; puts back what the baseline has (cordon
        baseline). What was replaced, and a guardrail, only once a person has approved it. People
        get an incident.
Undo    none: what was switched on or put back stays, and a release says so.
Leaves  what AWS cannot bring back, other settings that were replaced, and what the baseline does
        not have: an incident says what they were replaced by. A key whose deletion was cancelled
        stays disabled.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from cordon.actions import Action, Refused
from cordon.actions.detection import (
    DETECTOR_ID,
    FEATURES,
    RECORDER_NAME,
    TRAIL_NAME,
    EnableDetector,
    ResumeMacie,
    StartConfigurationRecorder,
    StartTrailLogging,
)
from cordon.actions.keys import KEY_ID, RestoreKey
from cordon.actions.put_back import PutBack, RestoreEnforcedGuardrail, RestoreInvocationLogging
from cordon.baseline import GUARDRAIL, LOGGING, PARTS, Document
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Fact, Finding, Resource, ResourceRole, canonical_json
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.sources import facts
from cordon.unsupported import Unsupported

TRAIL, RECORDER = "AWS::CloudTrail::Trail", "AWS::Config::ConfigurationRecorder"
DETECTOR, MACIE, KEY = "AWS::GuardDuty::Detector", "AWS::Macie::Session", "AWS::KMS::Key"
GUARDDUTY = (
    "guardduty:Stealth:IAMUser/CloudTrailLoggingDisabled",
    "guardduty:DefenseEvasion:IAMUser/BedrockLoggingDisabled",
)


@dataclass(frozen=True)
class Call:
    """A call that can be undone: what it switched off, and what must be known of that."""

    type: str  # of the resource
    name: re.Pattern[str]  # the only names that reach an API
    says_what: bool = False  # the call may as well switch on: its parameters say which


ANY = re.compile(r"[0-9]{12}")
CALLS = {  # the call, as CloudTrail's finding has it: "service:Call"
    "cloudtrail:StopLogging": Call(TRAIL, TRAIL_NAME),
    "config:StopConfigurationRecorder": Call(RECORDER, RECORDER_NAME),
    "guardduty:UpdateDetector": Call(DETECTOR, DETECTOR_ID, says_what=True),
    "kms:DisableKey": Call(KEY, KEY_ID),
    "kms:ScheduleKeyDeletion": Call(KEY, KEY_ID),
    "macie2:UpdateMacieSession": Call(MACIE, ANY, says_what=True),
}
BY_ARN = {  # what a person names: handled as this call
    TRAIL: "cloudtrail:StopLogging",
    DETECTOR: "guardduty:UpdateDetector",
    KEY: "kms:ScheduleKeyDeletion",
}
REPLACED = "the call replaced settings, and nobody keeps which of them were right"


@dataclass(frozen=True)
class OfBaseline:
    """A call of whose settings the baseline may have the document; else it is for a person."""

    action: type[PutBack]
    why: str  # why it is for a person
    step: str
    replaced: bool = False  # by others, which somebody may have meant


OF_BASELINE = {
    "bedrock:DeleteEnforcedGuardrailConfiguration": OfBaseline(
        RestoreEnforcedGuardrail,
        "an enforced guardrail is no longer enforced, and its configuration is deleted",
        "Enforce it again (PutEnforcedGuardrailConfiguration): until then models of this account"
        " and Region are invoked without it.",
    ),
    "bedrock:DeleteModelInvocationLoggingConfiguration": OfBaseline(
        RestoreInvocationLogging,
        "model invocation logging is off, and its configuration is deleted",
        "Put the configuration back (PutModelInvocationLoggingConfiguration): until then prompts"
        " and responses of this account and Region are not logged.",
    ),
    "bedrock:PutEnforcedGuardrailConfiguration": OfBaseline(
        RestoreEnforcedGuardrail,
        "the call replaced how a guardrail is enforced",
        "Compare the enforced guardrail, its version and the models it is enforced for with what"
        " they should be.",
        replaced=True,
    ),
    "bedrock:PutModelInvocationLoggingConfiguration": OfBaseline(
        RestoreInvocationLogging,
        "the call replaced how model invocations are logged",
        "Check to which bucket and log group prompts and responses go now, and which kinds of data"
        " are still delivered.",
        replaced=True,
    ),
}
# What AWS cannot bring back, or what only a person knows: why, and what to do.
FOR_A_PERSON = {
    "bedrock:DeleteGuardrail": (
        "AWS brings back no deleted guardrail: a new one has another id",
        "Make it again, and give applications its new id: calls that name the old one fail.",
    ),
    "bedrock:UpdateGuardrail": (
        "an update replaces the whole draft; versions that applications name stay as they are",
        "Compare the draft with the last version, and put back what was weakened.",
    ),
    "cloudtrail:DeleteTrail": (
        "AWS brings back no deleted trail",
        "Make it again with the same name, bucket, key and event selectors. Delivered logs are"
        " still in its bucket.",
    ),
    "cloudtrail:PutEventSelectors": (
        REPLACED,
        "Check that management events and the data events you need are still recorded.",
    ),
    "cloudtrail:UpdateTrail": (
        REPLACED,
        "Check its bucket, its key, and that it still covers all Regions and global services.",
    ),
    "guardduty:DeleteDetector": (
        "AWS brings back no deleted detector: a new one has another id, and no findings",
        "Enable GuardDuty again with all its features, and the members and filters it had.",
    ),
    "macie2:DisableMacie": (
        "AWS has deleted Macie's settings, jobs and findings of this account and Region",
        "Enable Macie again, and make its jobs and allow lists anew.",
    ),
    "securityhub:BatchDisableStandards": (
        "Cordon does not know which controls of these standards were enabled",
        "Enable the standards again, and check which of their controls are.",
    ),
    "securityhub:DisableSecurityHub": (
        "its standards are off and its members are no longer associated",
        "Enable Security Hub again with its standards and members: findings, insights and settings"
        " are deleted after 90 days.",
    ),
}
WHO = (
    "Ask who made this call, and whether it was meant; a deployment may have made it. If nobody"
    " did: revoke the caller's sessions, and look for what else they did."
)
HISTORY = (
    "What it was before: AWS Config has it where its recorder recorded the type (`aws configservice"
    " get-resource-config-history`), deleted resources included."
)
KEPT = "A release undoes none of it. If the call was meant: make it again yourself, then release."
BASELINE = "If what is set now is right, take it as the baseline (cordon baseline)."
STEPS = {
    "bedrock:DeleteEnforcedGuardrailConfiguration": "The account enforced no guardrail meanwhile:"
    f" look at the prompts and responses of that time. {BASELINE}",
    "bedrock:DeleteModelInvocationLoggingConfiguration": "Prompts and responses of the time without"
    f" logging are in no invocation log. {BASELINE}",
    "bedrock:PutEnforcedGuardrailConfiguration": "The account enforced what that call set"
    f" meanwhile: look at the prompts and responses of that time. {BASELINE}",
    "bedrock:PutModelInvocationLoggingConfiguration": "Look what was delivered meanwhile to where"
    f" that call sent it, and who can read it there. {BASELINE}",
    "cloudtrail:StopLogging": "What happened between the stop and the start is in no log of this"
    " trail; CloudTrail's event history has management events of 90 days.",
    "config:StopConfigurationRecorder": "Changes that were made while it was off may be missing in"
    " its history.",
    "guardduty:UpdateDetector": "What happened while it was off was not analysed.",
    "kms:DisableKey": "Find what failed while the key was disabled, and run it again.",
    "kms:ScheduleKeyDeletion": "A cancelled deletion leaves the key disabled: enable it if it was"
    " in use. Nobody keeps whether it was enabled before.",
    "macie2:UpdateMacieSession": "The pause has cancelled all jobs of Macie: make again those that"
    " you need.",
}
NOT_SAID = "what was switched off cannot be read from the event"
AGENTS = (
    "Automatic management of GuardDuty's agents was switched off too: it installs software on"
    " workloads, so switch it on yourself if it was on."
)


def call_of(finding: Finding) -> str:
    """The call behind the finding: ``cloudtrail:StopLogging``; "" where it names none."""
    if finding.source == "cloudtrail":
        return finding.type
    if finding.source == "guardduty":
        name = finding.fact(Fact.EVENT_NAME)
        known = (
            one for one in (*CALLS, *OF_BASELINE, *FOR_A_PERSON) if one.partition(":")[2] == name
        )
        return next(known, "")
    return next((BY_ARN[one.type] for one in finding.resources if one.type in BY_ARN), "")


def off(finding: Finding) -> tuple[str, ...]:
    """What the call switched off, in words; what a person names is switched on as a whole."""
    if finding.source != "cloudtrail":
        return (facts.DETECTOR,)
    return tuple(finding.fact(Fact.SWITCHED_OFF).split())


def targets(finding: Finding) -> tuple[Resource, ...]:
    """What is switched on again or put back, in the finding's own account.

    What the baseline has is of the whole account and Region: so is the case.
    """
    if call_of(finding) in OF_BASELINE:
        return (Resource("AWS::Account", finding.place.account, finding.place),)
    call = CALLS.get(call_of(finding))
    if call is None or (call.says_what and not _can_be_on(off(finding))):
        return ()
    found = finding.resources_of(call.type, role=ResourceRole.TARGET)
    own = finding.place.account
    return tuple(r for r in found if r.place.account == own and call.name.fullmatch(r.name))


def _can_be_on(words: tuple[str, ...]) -> bool:
    return bool({facts.DETECTOR, facts.SESSION, *FEATURES} & set(words))


def unsupported(finding: Finding) -> Unsupported | None:
    """Why nothing is switched on again; None where something is, or where nothing is off."""
    name = call_of(finding)
    if name in OF_BASELINE:
        return None  # without a baseline it is this playbook's own case, and for a person
    given = finding.fact(Fact.PARAMETERS)
    request = f" The call was given: {given}" if given else ""
    if name in FOR_A_PERSON:
        why, step = FOR_A_PERSON[name]
        return Unsupported(why, f"{step} {WHO} {HISTORY}{request}")
    call = CALLS.get(name)
    if call is None:
        why = "the finding does not name a call that Cordon can undo"
        return Unsupported(why, f"Find the call in CloudTrail, and undo it. {WHO} {HISTORY}")
    words = off(finding)
    if targets(finding) or (call.says_what and not words):
        return None
    if call.says_what and not _can_be_on(words):
        why = "agents are for a person" if facts.AGENTS in words else NOT_SAID
        step = AGENTS if facts.AGENTS in words else "Look at what is off, and switch it on."
        return Unsupported(why, f"{step} {WHO}{request}")
    why = "the finding names nothing of its own account that can be switched on"
    return Unsupported(why, f"Find the call in CloudTrail, and undo it. {WHO}{request}")


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """One switch for each resource; or the baseline's whole document, so that people approve it.

    Raises Refused with the reason and what to do, where the baseline does not have it.
    """
    if call := OF_BASELINE.get(call_of(finding)):
        return [_put_back(finding, call, deployment)]
    return [_switch(finding, one) for one in targets(finding)]


def _put_back(finding: Finding, call: OfBaseline, deployment: Deployment) -> Action:
    part = call.action.part
    document = document_of(finding, part, deployment)
    if document is None:
        why = f"there is no baseline of {PARTS[part]} for {_place(finding)}"
        raise Refused(_by_a_person(finding, call, why))
    if why := _cannot(part, document, deployment):
        raise Refused(_by_a_person(finding, call, why))
    return call.action(finding.place, document, call.replaced)


def document_of(finding: Finding, part: str, deployment: Deployment) -> Document | None:
    """The baseline's document for the finding's place: it is of the stack's account and Region."""
    place, baseline = finding.place, deployment.baseline
    here = (place.account, place.region) == (deployment.account, deployment.region)
    return baseline.of(part) if baseline is not None and here else None


def _cannot(part: str, document: Document, deployment: Deployment) -> str:
    """Why the baseline's document cannot be put back by this stack; "" where it can."""
    if part == GUARDRAIL and "inputTags" in document and "selectiveContentGuarding" not in document:
        return "the baseline's guardrail has inputTags, which AWS takes no longer"
    role = document.get("cloudWatchConfig", {}).get("roleArn", "") if part == LOGGING else ""
    if role and role != deployment.invocation_log_role:
        return (
            f"the baseline logs to CloudWatch Logs by {role}, and the parameter InvocationLogRole"
            " does not name this role"
        )
    return ""


def _by_a_person(finding: Finding, call: OfBaseline, why: str) -> str:
    given = finding.fact(Fact.PARAMETERS)
    request = f" The call was given: {given}" if given else ""
    return f"Not put back: {call.why}; {why}. {call.step} {WHO} {HISTORY}{request}"


def _place(finding: Finding) -> str:
    return f"account {finding.place.account}, {finding.place.region}"


def needs_nobody(finding: Finding, deployment: Deployment) -> str:
    """Why nothing is to be done of a call that set what the baseline says; "" of every other.

    The event has the digest of the whole request: AWS takes a guardrail by its id or its ARN, with
    the configuration's id or without.
    """
    call, given = OF_BASELINE.get(call_of(finding)), finding.fact(Fact.REQUEST)
    document = document_of(finding, call.action.part, deployment) if call else None
    if call is None or not call.replaced or not given or document is None:
        return ""
    same = given in {_digest(one) for one in _requests(call.action.part, document)}
    return f"the call set {PARTS[call.action.part]} as the baseline has it" if same else ""


def _requests(part: str, document: Document) -> list[dict[str, Any]]:
    """The requests that set this document, but for the id of what they change."""
    if part == LOGGING:
        return [{"loggingConfig": document}]
    arn = str(document["guardrailArn"])
    settings = {name: one for name, one in document.items() if name != "guardrailArn"}
    names = (arn, arn.rpartition("/")[2])
    return [{"guardrailInferenceConfig": {"guardrailIdentifier": n, **settings}} for n in names]


def _digest(request: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(request).encode()).hexdigest()


def _switch(finding: Finding, one: Resource) -> Action:
    if one.type == TRAIL:
        return StartTrailLogging(one.place, one.name)
    if one.type == RECORDER:
        return StartConfigurationRecorder(one.place, one.name)
    if one.type == MACIE:
        return ResumeMacie(one.place)
    if one.type == KEY:
        return RestoreKey(one.place, one.name, enable=call_of(finding) == "kms:DisableKey")
    words = off(finding)
    features = tuple(word for word in words if word in FEATURES)
    return EnableDetector(one.place, one.name, facts.DETECTOR in words, features)


def manual_step(finding: Finding) -> str:
    """Who did it, what was missed meanwhile, and what is not switched on by this plan."""
    agents = AGENTS if facts.AGENTS in off(finding) else ""
    return " ".join(filter(None, (WHO, STEPS[call_of(finding)], agents, KEPT)))


PLAYBOOK = Playbook(
    name="restore_detection",
    handles=(
        *(f"cloudtrail:{call}" for call in (*CALLS, *OF_BASELINE, *FOR_A_PERSON)),
        *GUARDDUTY,
    ),
    targets=targets,
    unsupported=unsupported,
    needs_nobody=needs_nobody,
    plan=plan,
    actions=(
        StartTrailLogging,
        StartConfigurationRecorder,
        EnableDetector,
        ResumeMacie,
        RestoreKey,
        RestoreInvocationLogging,
        RestoreEnforcedGuardrail,
    ),
    controls=(
        "NIST.800-53.r5 AU-5",
        "NIST.800-53.r5 AU-9",
        "NIST.800-53.r5 AU-12",
        "NIST.800-53.r5 IR-4",
        "NIST.800-53.r5 SC-12",
        "NIST.800-53.r5 SI-4",
        "ISO/IEC 27001:2022 A.8.15",
        "ISO/IEC 27001:2022 A.8.16",
        "SOC 2 CC7.2",
        "HIPAA 164.312(b)",
        "PCI DSS v4.0.1 10.7.2",
    ),
    defence_layer="detection",
    serves=Serves.SECURITY,
    recommended_mode=Mode.APPROVE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    by_arn=tuple(BY_ARN),
)

handler = serve(PLAYBOOK)
