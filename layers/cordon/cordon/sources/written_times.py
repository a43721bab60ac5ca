"""Moments as services write them beside RFC 3339 and milliseconds, in a form that ``Field`` reads.

Source: Amazon Inspector User Guide, "Amazon EventBridge event schema for Amazon Inspector events"
(``Wed Sep 04 16:59:44.356 UTC 2024``); Amazon ECR User Guide, "Image scanning"
(the same event with ``Dec 3, 2021, 6:02:30 PM``); AWS Health User Guide, "Reference: AWS Health
events Amazon EventBridge schema" (``Fri, 10 Jun 2022 05:01:10 GMT``); SageMaker AI Developer Guide,
"Events that Amazon SageMaker AI sends to Amazon EventBridge" (milliseconds as text).
"""

import re
from dataclasses import replace

from cordon.sources.field import Field

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_DAY, _YEAR, _CLOCK = (
    r"(?P<day>[0-9]{1,2})",
    r"(?P<year>20[0-9]{2})",
    r"(?P<rest>:[0-9]{2}:[0-9]{2})",
)
_MILLISECONDS = re.compile(r"[0-9]{13}")
_HOUR = r"(?P<hour>[0-9]{1,2})"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"[A-Z][a-z]{{2}} {_MONTH} {_DAY} {_HOUR}{_CLOCK}(\.[0-9]{{1,9}})? UTC {_YEAR}",
        rf"[A-Z][a-z]{{2}}, {_DAY} {_MONTH} {_YEAR} {_HOUR}{_CLOCK} GMT",
        rf"{_MONTH} {_DAY}, {_YEAR}, {_HOUR}{_CLOCK}[ \u202f](?P<half>[AP]M)",
    )
)


def readable_time(field: Field) -> Field:
    """The same moment; the field as it is where it has none of these forms."""
    value = field.value if isinstance(field.value, str) else ""
    if _MILLISECONDS.fullmatch(value):
        return replace(field, value=int(value))
    parts = next((match for form in _FORMS if (match := form.fullmatch(value))), None)
    if parts is None:
        return field
    hour = int(parts["hour"])
    if half := parts.groupdict().get("half"):
        hour = hour % 12 + (12 if half == "PM" else 0)
    month, day = _MONTHS.index(parts["month"]) + 1, int(parts["day"])
    text = f"{parts['year']}-{month:02}-{day:02}T{hour:02}{parts['rest']}Z"
    return replace(field, value=text)
