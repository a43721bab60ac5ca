"""The code of ``decide_cases``: what people decide, and who a person is.

A request is read field by field, the caller is counted as a person, and every check comes before
the first row is written. A decision is a row that only this function may write; a workflow is then
woken, which reads it. No execution waits for people, and no input has any authority.
"""
