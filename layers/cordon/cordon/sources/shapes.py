"""The valid forms of identifiers. A value that does not match never reaches an AWS call.

The patterns follow the botocore service models. They are wider where AWS itself sends other
values: GuardDuty's sample findings name the bucket ``bucketName`` and the access key
``GeneratedFindingAccessKeyId``.
"""

import re
from dataclasses import dataclass

from cordon.finding import ARN as ARN_PATTERN
from cordon.finding import PARTITIONS

BUCKET = "AWS::S3::Bucket"
OBJECT = "AWS::S3::Object"
DIRECTORY_BUCKET = "AWS::S3Express::DirectoryBucket"
TABLE_BUCKET = "AWS::S3Tables::TableBucket"
VECTOR_BUCKET = "AWS::S3Vectors::VectorBucket"
ROLE = "AWS::IAM::Role"
USER = "AWS::IAM::User"
ACCESS_KEY = "AWS::IAM::AccessKey"
SERVICE_CREDENTIAL = "AWS::IAM::ServiceSpecificCredential"  # no type of CloudFormation's
BEDROCK = "bedrock.amazonaws.com"  # its ServiceName, where it is a Bedrock API key
OTHER = "Other"
BUCKETS = (BUCKET, DIRECTORY_BUCKET, TABLE_BUCKET, VECTOR_BUCKET)
AI = ("AWS::SageMaker::", "AWS::Bedrock::", "AWS::BedrockAgentCore::")


@dataclass(frozen=True)
class Shape:
    """A pattern, and its description for error messages."""

    description: str
    pattern: re.Pattern[str]

    def matches(self, value: str) -> bool:
        """Does the whole value match?"""
        return self.pattern.fullmatch(value) is not None


def _shape(description: str, pattern: str) -> Shape:
    return Shape(description, re.compile(pattern, re.ASCII))


ACCOUNT_ID = _shape("an account id of 12 digits", r"[0-9]{12}")
REGION = _shape("a Region name", r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")
PARTITION = _shape("a partition", "|".join(PARTITIONS))
ARN = Shape("an ARN", ARN_PATTERN)
ROLE_ARN = _shape(
    "the ARN of a role", r"arn:aws[a-z-]*:iam::[0-9]{12}:role/([\x21-\x7e]+/)?[\w+=,.@-]{1,64}"
)
# S3 makes both; no model has their form. What is longer than a fact is none.
OBJECT_VERSION = _shape("the version of an object", r"[A-Za-z0-9._~-]{1,256}")
OBJECT_ETAG = _shape("an entity tag", r"[A-Za-z0-9-]{1,128}")
BUCKET_NAME = _shape("a bucket name", r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")
ROLE_NAME = _shape("a role name", r"[\w+=,.@-]{1,64}")
USER_NAME = _shape("a user name", r"[\w+=,.@-]{1,64}")  # IAM User Guide, "IAM and AWS STS quotas"
ACCESS_KEY_ID = _shape("an access key id", r"\w{16,128}")
SERVICE_CREDENTIAL_ID = _shape("the id of a service-specific credential", r"\w{20,128}")
PRINCIPAL_ID = _shape("a principal id", r"[\x21-\x7e]{1,256}")
PRINCIPAL_TYPE = _shape("a principal type", r"[A-Za-z]{1,64}")
FINDING_ID = _shape("a finding id", r"[A-Za-z0-9-]{1,128}")
FINDING_TYPE = _shape("a finding type", r"[A-Za-z]+:[A-Za-z0-9]+/[A-Za-z0-9.!&_-]{1,128}")
CONTROL_ID = _shape("a security control id", r"[A-Za-z][A-Za-z0-9]{0,63}\.[0-9]{1,4}")
EVENT_ID = _shape("an event id", r"[A-Za-z0-9-]{1,64}")
EVENT_NAME = _shape("the name of an API call", r"[A-Za-z0-9_]{1,128}")
FEATURE = _shape("a feature of GuardDuty", r"[A-Z0-9_]{1,40}")
TRAIL_NAME = _shape("the name of a trail", r"[A-Za-z0-9][A-Za-z0-9._-]{2,127}")
EVENT_SOURCE = _shape("the name of a service", r"[a-z0-9-]{1,63}\.amazonaws\.com")
STATE = _shape("a state", r"[A-Za-z_]{1,64}")
NAMESPACE = _shape("the namespace of a metric", r"[A-Za-z0-9_./#-]{1,255}")  # PutMetricData
METRIC = _shape("the name of a metric", r"[\x20-\x7e]{1,255}")
GLUE_NAME = _shape("a name in Glue", r"[^\x00-\x1f\x7f-\x9f/]{1,255}")
EXPOSED_KEY = _shape("the id of an access key", r"A[KS]IA[A-Z0-9]{12,124}")
PAGE = _shape("the number of a page", r"[0-9]{1,4}")
AWS_NAME = _shape("a name or an ARN", r"[A-Za-z0-9][\w+=,.@:/-]{0,511}")
RULE_NAME = _shape("a Config rule name", r"[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?")
CLOUDFORMATION_TYPE = _shape("a resource type", r"AWS::[A-Za-z0-9]{0,64}::[A-Za-z0-9]{1,64}")
# Config joins the parts of a CloudFormation identifier with "|": KB1A2B3C4D|DS5E6F7G8H.
AI_RESOURCE = _shape("a resource name", r"[A-Za-z0-9][A-Za-z0-9._:/|-]{0,255}")

_BY_KIND = {
    BUCKET: BUCKET_NAME,
    DIRECTORY_BUCKET: BUCKET_NAME,
    TABLE_BUCKET: BUCKET_NAME,
    VECTOR_BUCKET: BUCKET_NAME,
    ROLE: ROLE_NAME,
    USER: USER_NAME,
    ACCESS_KEY: ACCESS_KEY_ID,
    SERVICE_CREDENTIAL: SERVICE_CREDENTIAL_ID,
}


def shape_of(kind: str) -> Shape | None:
    """The valid form of a name of this type; None for types that no playbook changes."""
    if kind.startswith(AI):
        return AI_RESOURCE
    return _BY_KIND.get(kind)
