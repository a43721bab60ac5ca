"""Each service's severity, converted to the scale of ASFF.

Sources: GuardDuty "Severity levels of GuardDuty findings", Macie "Severity scoring for
findings", Security Hub API ``Severity`` (Label and Normalized), OCSF ``severity_id``.
A finding without a severity is MEDIUM: a lower one could drop it, a higher one would page people.
"""

from cordon.finding import Severity, SeverityLabel
from cordon.sources.field import Field

_WORDS = 32
_LABELS = tuple(label.value for label in SeverityLabel)
# The lowest Normalized value of each label, highest first.
_FLOORS = (
    (90, SeverityLabel.CRITICAL),
    (70, SeverityLabel.HIGH),
    (40, SeverityLabel.MEDIUM),
    (1, SeverityLabel.LOW),
    (0, SeverityLabel.INFORMATIONAL),
)
_MACIE = {1: SeverityLabel.LOW, 2: SeverityLabel.MEDIUM, 3: SeverityLabel.HIGH}
_OCSF = {
    1: SeverityLabel.INFORMATIONAL,
    2: SeverityLabel.LOW,
    3: SeverityLabel.MEDIUM,
    4: SeverityLabel.HIGH,
    5: SeverityLabel.CRITICAL,
    6: SeverityLabel.CRITICAL,  # Fatal
}


def medium() -> Severity:
    """For services without severities, such as AWS Config."""
    return Severity("", SeverityLabel.MEDIUM)


def high() -> Severity:
    """For what its source gives none and that cannot wait: a malicious object, public access."""
    return Severity("", SeverityLabel.HIGH)


def low() -> Severity:
    """For what its source gives none and whose copy in Security Hub is Low."""
    return Severity("", SeverityLabel.LOW)


def word(severity: Field) -> Severity:
    """Inspector's ``CRITICAL``; UNTRIAGED, which it has not rated yet, is none of these."""
    words = severity.text(_WORDS)
    label = SeverityLabel(words) if words in _LABELS else SeverityLabel.MEDIUM
    return Severity(words, label)


def guardduty(severity: Field) -> Severity:
    """0.1-3.9 Low, 4.0-6.9 Medium, 7.0-8.9 High, 9.0-10 Critical."""
    value = severity.number()
    if value is None:
        return medium()
    if not 0 <= value <= 10:
        severity.malformed("is not between 0 and 10")
    tenfold = int(value * 10 + 1e-9) if value >= 0.1 else int(value > 0)
    return Severity(f"{value:g}", _of_normalized(tenfold))


def macie(severity: Field) -> Severity:
    """``{"score": 3, "description": "High"}``: 1 Low, 2 Medium, 3 High."""
    score, words = severity["score"].number(), severity["description"].text(_WORDS)
    by_words = {label.name.title(): label for label in _MACIE.values()}
    label = by_words.get(words) if score is None else _MACIE.get(int(score))
    return Severity(words, label or SeverityLabel.MEDIUM)


def asff(finding: Field) -> Severity:
    """``Severity.Label`` decides; ``Normalized``, where no label is stated."""
    severity = finding["Severity"]
    stated = severity["Label"].choice(*_LABELS)
    stated = stated or finding["FindingProviderFields"]["Severity"]["Label"].choice(*_LABELS)
    normalized, product = severity["Normalized"].number(), severity["Product"].number()
    native = severity["Original"].text(_WORDS) or (stated if product is None else f"{product:g}")
    if stated:
        return Severity(native, SeverityLabel(stated))
    return medium() if normalized is None else Severity(native, _of_normalized(int(normalized)))


def ocsf(finding: Field) -> Severity:
    """``severity_id`` 1 Informational to 5 Critical and 6 Fatal; 0 and 99 mean unknown."""
    value = finding["severity_id"].number()
    label = None if value is None else _OCSF.get(int(value))
    return Severity(finding["severity"].text(_WORDS), label or SeverityLabel.MEDIUM)


def _of_normalized(value: int) -> SeverityLabel:
    return next(label for floor, label in _FLOORS if max(value, 0) >= floor)
