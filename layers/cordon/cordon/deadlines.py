"""Periods within which a law requires a notification: what an incident reminds people of.

Cordon does not know whether a law applies, nor when its period begins: people do. So each sentence
is a condition, and names a moment only as what the period counts to from a moment that we know.
Sources: Regulation (EU) 2016/679, Art. 33(1); 45 CFR 164.404(a)(2) and (b); Regulation (EU)
2024/1689, Art. 3(49) and 73(2) to (4).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Clock:
    """One period of one law."""

    law: str
    condition: str  # what must be so for the law to require it: after "If"
    duty: str  # who must do what, and from when the period counts
    period: timedelta

    def sentence(self, opened_at: datetime) -> str:
        """The duty, and the end of the period if it began when the case was opened.

        >>> from datetime import UTC
        >>> GDPR_33.sentence(datetime(2026, 11, 24, 12, tzinfo=UTC))[-66:]
        'Counted from the opening of this case: until 2026-11-27T12:00:00Z.'
        """
        end = f"{opened_at + self.period:{MOMENT}}"
        counted = f"Counted from the opening of this case: until {end}."
        return f"{self.law}: if {self.condition}, {self.duty}. {counted}"


GDPR_33 = Clock(
    law="GDPR Art. 33",
    condition="personal data were breached",
    duty="the controller must notify the supervisory authority without undue delay and, where"
    " feasible, within 72 hours of becoming aware of it, unless a risk to people is unlikely",
    period=timedelta(hours=72),
)
HIPAA_164_404 = Clock(
    law="HIPAA 164.404",
    condition="unsecured protected health information was breached",
    duty="the covered entity must notify the individuals without unreasonable delay and at most 60"
    " calendar days after discovery, which is the first day on which it was known or should have"
    " been",
    period=timedelta(days=60),
)
AI_ACT_73 = Clock(
    law="EU AI Act Art. 73",
    condition="this is a serious incident of a high-risk AI system (Art. 3(49))",
    duty="its provider must report it to the market surveillance authority once the link is"
    " established or reasonably likely, and at most 15 days after becoming aware (10 days for a"
    " death, 2 days for a widespread infringement or critical infrastructure)",
    period=timedelta(days=15),
)
