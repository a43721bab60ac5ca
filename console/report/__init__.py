"""One self-contained HTML file of cases: of a stack, of one case, or of a replay.

data      what a report is made of: dataclasses that become JSON
of_case   one case, and what its evidence says
account   a deployed stack: its open cases, its exemptions, what is covered
replayed  what came of replayed events
sums      tiles and plots: counted from the cases
page      the file, from the data and templates/: its policy lets nothing run but its own script
command   `cordon report`
"""
