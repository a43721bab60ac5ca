"""Switch detection on again where somebody has switched it off.

When    CloudTrail or GuardDuty says that a trail, the configuration recorder, a GuardDuty detector
        or feature, or Macie was switched off, or that a KMS key was disabled or is to be deleted.
Does    switches it on again; cancels the deletion. People get an incident.
Undo    none: what was switched on stays, and a release says so.
Leaves  what AWS cannot bring back, and settings that were replaced: an incident says what they
        were replaced by. A key whose deletion was cancelled stays disabled.
"""

import re
from dataclasses import dataclass

from cordon.actions import Action
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
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Fact, Finding, Resource, ResourceRole
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
# What AWS cannot bring back, or what only a person knows: why, and what to do.
FOR_A_PERSON = {
    "bedrock:DeleteEnforcedGuardrailConfiguration": (
        "an enforced guardrail is no longer enforced, and its configuration is deleted",
        "Enforce it again (PutEnforcedGuardrailConfiguration): until then models of this account"
        " and Region are invoked without it.",
    ),
    "bedrock:DeleteGuardrail": (
        "AWS brings back no deleted guardrail: a new one has another id",
        "Make it again, and give applications its new id: calls that name the old one fail.",
    ),
    "bedrock:DeleteModelInvocationLoggingConfiguration": (
        "model invocation logging is off, and its configuration is deleted",
        "Put the configuration back (PutModelInvocationLoggingConfiguration): until then prompts"
        " and responses of this account and Region are not logged.",
    ),
    "bedrock:PutEnforcedGuardrailConfiguration": (
        REPLACED,
        "Compare the enforced guardrail, its version and the models it is enforced for with what"
        " they should be.",
    ),
    "bedrock:PutModelInvocationLoggingConfiguration": (
        REPLACED,
        "Check to which bucket and log group prompts and responses go now, and which kinds of data"
        " are still delivered.",
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
STEPS = {
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
        known = (one for one in (*CALLS, *FOR_A_PERSON) if one.partition(":")[2] == name)
        return next(known, "")
    return next((BY_ARN[one.type] for one in finding.resources if one.type in BY_ARN), "")


def off(finding: Finding) -> tuple[str, ...]:
    """What the call switched off, in words; what a person names is switched on as a whole."""
    if finding.source != "cloudtrail":
        return (facts.DETECTOR,)
    return tuple(finding.fact(Fact.SWITCHED_OFF).split())


def targets(finding: Finding) -> tuple[Resource, ...]:
    """What is switched on again, in the finding's own account."""
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
    """One switch for each resource."""
    return [_switch(finding, one) for one in targets(finding)]


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
    handles=(*(f"cloudtrail:{call}" for call in (*CALLS, *FOR_A_PERSON)), *GUARDDUTY),
    targets=targets,
    unsupported=unsupported,
    plan=plan,
    actions=(
        StartTrailLogging,
        StartConfigurationRecorder,
        EnableDetector,
        ResumeMacie,
        RestoreKey,
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
