"""Every day: which chains of evidence grew, and where each ends. So no whole case just vanishes.

A case's chain shows what was changed in it, and not that there was a case. A digest names each
chain that has a new entry, with the number and the sha256 of its last one, and the one before it;
so does CloudTrail with its log files (AWS CloudTrail User Guide, "CloudTrail digest file
structure"). Digests are a chain of evidence too: ``digests/<account>/daily/<number>.json``.

The periods of two digests follow on each other without a gap, so that they are the index as well:
what happened in a quarter is in the digests of that quarter
(docs/decisions/0053-digests-are-the-index.md).
"""
