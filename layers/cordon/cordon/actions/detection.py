"""Switch detection on again: a trail, a configuration recorder, a detector, Macie.

None of these is undone: that would switch detection off again (``kept_because``). Names come from
events that an attacker has caused; each is held against its service's form before a call.

Sources: AWS CloudTrail API Reference, "StartLogging", "GetTrailStatus", "CreateTrail" (names); AWS
Config API Reference, "StartConfigurationRecorder", "DescribeConfigurationRecorderStatus"; Amazon
GuardDuty API Reference, "UpdateDetector", "GetDetector"; Amazon Macie API Reference, "Macie
session"; the service models for names and statuses.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from cordon.actions.action import ResourceDeleted
from cordon.actions.grants import STATE, Grant, Statement
from cordon.actions.switch import State, Switch
from cordon.clients import AwsClients

ON, OFF = "on", "off"
ENABLED = "ENABLED"
DETECTOR = "detector"  # the field of the detector itself, beside those of its features
OFF_AGAIN = "an undo would switch detection off again; whoever wants that does it themselves"
FEATURES = (  # that UpdateDetector may set
    "AI_ANALYST",
    "AI_PROTECTION",
    "EBS_MALWARE_PROTECTION",
    "EKS_AUDIT_LOGS",
    "EKS_RUNTIME_MONITORING",
    "LAMBDA_NETWORK_LOGS",
    "RDS_LOGIN_EVENTS",
    "RUNTIME_MONITORING",
    "S3_DATA_EVENTS",
)
TRAIL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,127}")
RECORDER_NAME = re.compile(r"[A-Za-z0-9][\w+=,.@:-]{0,255}", re.ASCII)
DETECTOR_ID = re.compile(r"[A-Za-z0-9]{1,300}")

_ANY = "an event names any {} of the account"
_TRAILS = Statement(
    "RestoreTrails",
    "arn:${AWS::Partition}:cloudtrail:*:${AWS::AccountId}:trail/*",
    "starts a trail that was stopped, and reads whether it logs",
    wide=_ANY.format("trail"),
)
_RECORDERS = Statement(
    "RestoreRecorders",
    "arn:${AWS::Partition}:config:*:${AWS::AccountId}:configuration-recorder/*",
    "starts a configuration recorder that was stopped, and reads whether it records",
    wide=_ANY.format("recorder"),
)
_DETECTORS = Statement(
    "RestoreDetectors",
    "arn:${AWS::Partition}:guardduty:*:${AWS::AccountId}:detector/*",
    "switches a detector and its features on again, and reads them",
    wide=_ANY.format("detector"),
)
_MACIE = Statement(
    "RestoreMacie", "*", f"Macie has one session a Region, and no ARN for it; {STATE}"
)


@dataclass(frozen=True)
class DetectionSwitch(Switch):
    """Base: what all of them have in common."""

    family: ClassVar[str] = "detection"
    kept_because: ClassVar[str] = OFF_AGAIN


def require(form: re.Pattern[str], what: str, name: str) -> None:
    """Raise ValueError unless the name has its service's form."""
    if not form.fullmatch(name):
        raise ValueError(f"{what}: not a name: {name[:64]!r}")


@dataclass(frozen=True)
class StartTrailLogging(DetectionSwitch):
    """Make a stopped trail log again. Only the trail's home Region takes the call."""

    trail: str

    grants: ClassVar[tuple[Grant, ...]] = (
        _TRAILS.allows("cloudtrail:GetTrailStatus", "cloudtrail:StartLogging"),
    )
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"TrailNotFoundException"})

    def __post_init__(self) -> None:
        require(TRAIL_NAME, "trail", self.trail)

    @property
    def target(self) -> str:
        return f"trail-logging:{self.resource}"

    @property
    def resource(self) -> str:
        return self.place.arn("cloudtrail", f"trail/{self.trail}")

    @property
    def in_words(self) -> str:
        return "makes the trail log again"

    @property
    def wanted(self) -> State:
        return {"logging": ON}

    def read(self, aws: AwsClients) -> State:
        status = aws.client("cloudtrail").get_trail_status(Name=self.resource)
        return {"logging": ON if status["IsLogging"] else OFF}

    def turn(self, aws: AwsClients, state: State) -> None:
        aws.client("cloudtrail").start_logging(Name=self.resource)


@dataclass(frozen=True)
class StartConfigurationRecorder(DetectionSwitch):
    """Make a stopped configuration recorder record again.

    ``resource`` lacks the recorder's id, which AWS adds and no event has.
    """

    recorder: str

    grants: ClassVar[tuple[Grant, ...]] = (
        _RECORDERS.allows(
            "config:DescribeConfigurationRecorderStatus", "config:StartConfigurationRecorder"
        ),
    )
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"NoSuchConfigurationRecorderException"})

    def __post_init__(self) -> None:
        require(RECORDER_NAME, "recorder", self.recorder)

    @property
    def target(self) -> str:
        return f"configuration-recorder:{self.resource}"

    @property
    def resource(self) -> str:
        return self.place.arn("config", f"configuration-recorder/{self.recorder}")

    @property
    def in_words(self) -> str:
        return "makes the configuration recorder record again"

    @property
    def wanted(self) -> State:
        return {"recording": ON}

    def read(self, aws: AwsClients) -> State:
        names = [self.recorder]
        response = aws.client("config").describe_configuration_recorder_status(
            ConfigurationRecorderNames=names
        )
        found = response["ConfigurationRecordersStatus"]
        if not found:
            raise ResourceDeleted(f"{self.resource} no longer exists")
        return {"recording": ON if found[0]["recording"] else OFF}

    def turn(self, aws: AwsClients, state: State) -> None:
        config = aws.client("config")
        config.start_configuration_recorder(ConfigurationRecorderName=self.recorder)


@dataclass(frozen=True)
class EnableDetector(DetectionSwitch):
    """Switch a GuardDuty detector on again, or the features of it that were switched off.

    Whether a feature was on before, nobody keeps: those are switched on that the call named. What
    lies within a feature (agents that GuardDuty installs) stays as it is.
    """

    detector: str
    enable: bool  # the detector itself
    features: tuple[str, ...] = ()

    grants: ClassVar[tuple[Grant, ...]] = (
        _DETECTORS.allows("guardduty:GetDetector", "guardduty:UpdateDetector"),
    )
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"BadRequestException"})

    def __post_init__(self) -> None:
        require(DETECTOR_ID, "detector", self.detector)
        if not (self.enable or self.features) or set(self.features) - set(FEATURES):
            raise ValueError(f"features: not those of a detector: {self.features!r}")
        features = set(self.features)
        if "RUNTIME_MONITORING" in features:  # covers it, and GuardDuty refuses both at once
            features.discard("EKS_RUNTIME_MONITORING")
        object.__setattr__(self, "features", tuple(sorted(features)))

    @property
    def target(self) -> str:
        return f"detector:{self.resource}"

    @property
    def resource(self) -> str:
        return self.place.arn("guardduty", f"detector/{self.detector}")

    @property
    def in_words(self) -> str:
        return f"switches on: {', '.join(sorted(self.wanted))}"

    @property
    def caution(self) -> str:
        if not self.features:
            return ""
        return "it is not known whether these features were on before; GuardDuty charges for each"

    @property
    def wanted(self) -> State:
        return dict.fromkeys((*((DETECTOR,) if self.enable else ()), *self.features), ENABLED)

    def combine(self, other: Self) -> Self:
        return replace(
            self,
            enable=self.enable or other.enable,
            features=(*self.features, *other.features),
        )

    def read(self, aws: AwsClients) -> State:
        """A feature that is not listed does not exist in this Region, or was never switched on."""
        found = aws.client("guardduty").get_detector(DetectorId=self.detector)
        features = {one["Name"]: one["Status"] for one in found.get("Features", ())}
        shown = {DETECTOR: str(found["Status"]), **features}
        return {field: shown.get(field, "DISABLED") for field in self.wanted}

    def turn(self, aws: AwsClients, state: State) -> None:
        changes: dict[str, Any] = {"Enable": True} if self.enable else {}
        if self.features:
            changes["Features"] = [{"Name": one, "Status": ENABLED} for one in self.features]
        aws.client("guardduty").update_detector(DetectorId=self.detector, **changes)


@dataclass(frozen=True)
class ResumeMacie(DetectionSwitch):
    """End the pause of Macie in an account and Region. Where Macie is off, there is no session."""

    grants: ClassVar[tuple[Grant, ...]] = (
        _MACIE.allows("macie2:GetMacieSession", "macie2:UpdateMacieSession"),
    )
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})

    @property
    def target(self) -> str:
        return f"macie:{self.resource}"

    @property
    def resource(self) -> str:
        return self.place.arn("macie2", "session")

    @property
    def in_words(self) -> str:
        return "ends the pause of Macie"

    @property
    def caution(self) -> str:
        return "Macie charges from then on; jobs that its pause cancelled stay cancelled"

    @property
    def wanted(self) -> State:
        return {"session": ENABLED}

    def read(self, aws: AwsClients) -> State:
        return {"session": str(aws.client("macie2").get_macie_session()["status"])}

    def turn(self, aws: AwsClients, state: State) -> None:
        aws.client("macie2").update_macie_session(status=ENABLED)
