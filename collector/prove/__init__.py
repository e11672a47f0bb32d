"""`fieldpost-collector prove`: faults, planted on purpose, and what is counted afterwards.

To add one: a module in `proofs/` with an async function from `Terms` to a `Verdict`, and its line in `catalogue.py`.
"""
