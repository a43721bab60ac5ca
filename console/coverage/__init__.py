"""What Cordon covers: risks, controls, layers and scopes, from the headers, samples and data.

data      docs/coverage/*.json: frameworks, findings, scopes, promises
handled   what the headers and the sample events show of them
checks    the read-only calls that look at an account
cells     what of the matrices a person may attest
live      their results, and the modes and attestations of a deployed stack
report    all of it as one document, which the table, the page and --output json show
"""
