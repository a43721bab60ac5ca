"""With which status `cordon` ends: the table of docs/operating/commands.md and of --help."""

from enum import IntEnum

MEANINGS = {
    0: "done, and nothing is wrong",
    1: "done, and something is wrong, which is said: a replay did not end as it should, an event "
    "cannot be read, a sweep did not end well, evidence is not verified, a setting is refused, a "
    "budget is used up, a case has failed, a page is out of date, a dead letter is left. Also "
    "where you did not confirm: then nothing was done; and where whatever read the output has "
    "ended, as `head` does",
    2: "not possible, or not understood: the reason is said, and nothing was done",
    3: "evidence: the only thing to say is that an attempt may not have ended; lineage, status: "
    "something was not read",
    4: "AWS refused, or could not be reached: credentials, permissions, Region, network. Where a "
    "decision may have come to the desk all the same, that is said",
    5: "--wait: recorded, and it has no outcome yet: it waits for a moment or for a second person, "
    "or takes longer",
    70: "the command itself failed: this machine refused something, as a full disk does, or it is "
    "a fault of Cordon. What was sent before is not taken back",
    130: "you ended it (Ctrl-C). What was sent before is not taken back",
}


class Exit(IntEnum):
    """Those that no verb has for itself."""

    NOT_POSSIBLE = 2
    UNKNOWN = 3
    AWS = 4
    NOT_ENDED = 5
    ENDED = 130  # 128 and SIGINT, as shells say it
    FAILED = 70  # EX_SOFTWARE of BSD's sysexits


EPILOG = (
    "Exit status: " + "; ".join(f"{status} {meaning}" for status, meaning in MEANINGS.items()) + "."
)
