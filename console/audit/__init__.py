"""For auditors: what happened, who decided what, and whether anything is missing.

All of it is read from the digests of evidence (``cordon.digesting``), which are the index, and
from the evidence that they name; no row of the table is believed. What is read is kept on disk
(``ledger``), so that memory does not grow with the number of cases.
"""
