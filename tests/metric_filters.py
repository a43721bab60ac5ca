"""What a metric filter makes of a line that a function logged.

Only the two forms that template.yaml has: ``{ $.member IS TRUE }`` and ``{ $.member >= number }``.
Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters": the member must be
there, and be of that type.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

FORM = re.compile(r"\{ \$\.(?P<member>\w+) (?:(?P<true>IS TRUE)|>= (?P<least>\d+)) \}")


def datum(properties: Mapping[str, Any], line: str) -> float | None:
    """The value of the metric for a line; None where the filter does not match."""
    form = FORM.fullmatch(properties["FilterPattern"])
    assert form is not None, properties["FilterPattern"]
    (transformation,) = properties["MetricTransformations"]
    value = _member(line, form["member"])
    if form["true"]:
        return float(transformation["MetricValue"]) if value is True else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    assert transformation["MetricValue"] == f"$.{form['member']}"
    return float(value) if value >= int(form["least"]) else None


def _member(line: str, name: str) -> Any:
    try:
        parsed = json.loads(line)
    except ValueError:
        return None
    return parsed.get(name) if isinstance(parsed, dict) else None
