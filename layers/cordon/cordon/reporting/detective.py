"""Where Detective shows a GuardDuty finding. Pure.

Only whether the operator says that Detective is enabled is known here: whether its behavior graph
has this finding, Detective alone knows (an account that is no member, a finding from before it was
enabled, or of a type that it does not support). So the text says no more than where to look.

The address is made of what cannot hold hostile text, since it is the one link that is not made
harmless: a Region, and an id of letters, digits and hyphens.

Source: Amazon Detective User Guide, "Navigating to an entity profile or finding overview using a
URL". It names the console of one partition.
"""

import re

from cordon.finding import Finding

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
CONSOLE = "https://console.aws.amazon.com/detective/home"


def link(finding: Finding) -> str:
    """The address of the finding's overview; "" where it has none."""
    id, place = finding.id.rpartition("/")[2], finding.place
    known = _ID.fullmatch(id) and _REGION.fullmatch(place.region) and place.partition == "aws"
    if finding.source != "guardduty" or not known:
        return ""
    return f"{CONSOLE}?region={place.region}#findings/GuardDuty/{id}"


def line(finding: Finding) -> str:
    """The same as a line of its own, for the end of a text; "" where there is no address."""
    address = link(finding)
    return f"\n\nDetective, if its graph has this finding: {address}" if address else ""
