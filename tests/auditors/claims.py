"""Which checks of Prowler pass when a playbook has contained, shown by a sample.

Claimed of each is that it says FAIL of a resource before the sample's finding was handled, and PASS
of the very same one when the case is contained. After the release it says FAIL again, or PASS where
the change is one that a release keeps.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cordon.actions import action_type
from tests.examples import HEADERS, folder_of, plan_beside

FAIL, PASS, NONE = "FAIL", "PASS", "no row"
LOOKS = ("before", "contained", "released")
PREFIX = "securityhub:"
ACCOUNT = "111122223333"
Said = Mapping[tuple[str, str], str]  # check and resource, and the status


@dataclass(frozen=True)
class Claim:
    """A check, the sample that shows it, and the ARN by which Prowler names the resource.

    ``failing``: by which it does where it fails, if that is another.
    """

    check: str
    sample: str
    resource: str
    failing: str = ""

    @property
    def playbook(self) -> str:
        """Whose sample it is."""
        return folder_of(self.sample)

    @property
    def kept(self) -> bool:
        """Does a release leave what was changed?"""
        names = [one["action"] for one in plan_beside(self.sample)["plan"]["actions"]]
        return all(action_type(name).kept_because for name in names)

    @property
    def expected(self) -> tuple[str, str, str]:
        """The status at each look."""
        return FAIL, PASS, PASS if self.kept else FAIL

    def found(self, said: Said, expected: str) -> str:
        """What Prowler said of the resource. A row that is absent is no pass."""
        named = self.failing if self.failing and expected == FAIL else self.resource
        return said.get((self.check, named), NONE)


def arn(service: str, resource: str) -> str:
    """Of the account that the samples are of."""
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}"


CLAIMS = (
    Claim("s3_bucket_public_access", "config_bucket_public_write", "arn:aws:s3:::acme-public-docs"),
    Claim(
        "s3_bucket_policy_public_write_access",
        "config_bucket_public_write",
        "arn:aws:s3:::acme-public-docs",
    ),
    Claim(
        "s3_bucket_level_public_access_block",
        "config_bucket_level_block",
        "arn:aws:s3:::acme-upload-inbox",
    ),
    Claim(
        "s3_bucket_public_write_acl", "config_bucket_level_block", "arn:aws:s3:::acme-upload-inbox"
    ),
    Claim(
        "sagemaker_notebook_instance_root_access_disabled",
        "securityhub_sagemaker_3",
        arn("sagemaker", "notebook-instance/fraud-explore"),
    ),
    Claim(
        "iam_user_two_active_access_key",
        "cloudtrail_access_key_created",
        f"arn:aws:iam::{ACCOUNT}:user/model-release",
    ),
    Claim(
        "cloudtrail_multi_region_enabled",
        "cloudtrail_trail_stopped",
        arn("cloudtrail", "trail/acme-trail"),
        failing=arn("cloudtrail", "trail"),  # that none of the Region's trails logs
    ),
    Claim(
        "config_recorder_all_regions_enabled",
        "cloudtrail_recorder_stopped",
        arn("config", "recorder"),
    ),
    Claim(
        "guardduty_is_enabled",
        "cloudtrail_detector_off",
        arn("guardduty", "detector/e20ae021059252ea36fff9f443c8fef1"),
    ),
    Claim("macie_is_enabled", "cloudtrail_macie_paused", arn("macie", "session")),
    Claim(
        "kms_cmk_not_deleted_unintentionally",
        "cloudtrail_key_deletion_scheduled",
        arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),
    ),
)
# Of a control that a playbook contains: why Prowler's check of it is not claimed.
NOT_CLAIMED = {
    "s3_bucket_cross_account_access": "S3.6: the account is denied, which the check does not weigh:"
    " it reads what the policy allows, and that stays as the owner has it",
}


def faults(claims: Iterable[Claim], looks: Mapping[str, Said]) -> Iterator[str]:
    """Each claim that what Prowler said does not bear out."""
    for claim in claims:
        for look, expected in zip(LOOKS, claim.expected, strict=True):
            found = claim.found(looks[look], expected)
            if found != expected:
                yield f"{claim.check} of {claim.resource}, {look}: {found}, claimed is {expected}"


def contained_controls() -> set[str]:
    """Which controls of Security Hub, as S3.8, a playbook handles by more than a tag."""
    return {
        kind.removeprefix(PREFIX)
        for header in HEADERS.values()
        if any(action.contains for action in header.actions)
        for kind in header.handles
        if kind.startswith(PREFIX) and "*" not in kind
    }


def unclaimed(checks_of: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Each check of a contained control for which there is neither a claim nor a reason."""
    known = {claim.check for claim in CLAIMS} | NOT_CLAIMED.keys()
    for control in sorted(contained_controls()):
        for check in sorted(set(checks_of.get(control, ())) - known):
            yield f"{check}, for {control}: a playbook contains it; no claim and no reason"
