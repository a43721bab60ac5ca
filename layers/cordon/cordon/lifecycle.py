"""The stage of the data lifecycle that a finding is about. Pure: reads only the finding.

The stages are those of AWS Prescriptive Guidance, "Best practices for designing and implementing
modern data-centric use cases", "Data lifecycle". Which service belongs to which is that page's for
Kinesis and DMS (collection), Glue, EMR and DataBrew (preparation: also Glue's, which it names under
collection too); of the others it is judgement. A finding of none of these services has no stage:
keys, certificates and networks serve each of them.
"""

from cordon.finding import Finding, ResourceRole

STAGES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    # its name, kinds of findings (* allowed), and how CloudFormation types of resources begin
    (
        "data collection",
        ("securityhub:Kinesis.*", "securityhub:DataFirehose.*", "securityhub:DMS.*"),
        ("AWS::Kinesis", "AWS::DMS::"),
    ),
    ("data quality checks", ("glue-dataquality:*",), ()),
    (
        "data preparation and cleaning",
        ("securityhub:Glue.*", "securityhub:EMR.*"),
        ("AWS::Glue::", "AWS::EMR", "AWS::DataBrew::"),
    ),
    (
        "data visualization and analysis",
        ("securityhub:Neptune.*", "securityhub:Athena.*", "securityhub:Redshift*.*"),
        ("AWS::Neptune", "AWS::QuickSight::", "AWS::Athena::", "AWS::Redshift"),
    ),
    ("monitoring and debugging", ("cloudwatch:*", "securityhub:CloudWatch.*"), ()),
    ("IaC deployment", ("securityhub:CloudFormation.*",), ("AWS::CloudFormation::",)),
)


def stage(finding: Finding) -> str:
    """Its stage: by its kind, else by the first resource that was found; "" where it has none."""
    for name, kinds, _ in STAGES:
        if finding.matches(*kinds):
            return name
    targets = [one.type for one in finding.resources if one.role is ResourceRole.TARGET]
    named = (name for type in targets for name, _, types in STAGES if type.startswith(types))
    return next(named, "")
