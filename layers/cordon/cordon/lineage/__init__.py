"""Lineage: what was made of a bucket's data, or of a resource. Read anew each time, never kept.

``walk`` knows no service: it goes breadth-first over what a reader finds. ``reader`` reads
SageMaker AI's own lineage (``sagemaker``) and Bedrock's resources (``bedrock``), of one account and
Region. ``image_users`` looks who runs a container image.
Copies that were made outside of these jobs leave no trace here.
"""

from cordon.lineage.calls import within
from cordon.lineage.reader import AwsReader, start_of
from cordon.lineage.walk import Found, Lineage, Node, Unread, descendants

IN_FUNCTION = 20.0  # seconds that a function reads for
IN_CONSOLE = 60.0  # and the command

__all__ = [
    "IN_CONSOLE",
    "IN_FUNCTION",
    "AwsReader",
    "Found",
    "Lineage",
    "Node",
    "Unread",
    "descendants",
    "start_of",
    "within",
]
