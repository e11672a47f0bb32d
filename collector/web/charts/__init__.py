"""Pictures as SVG, drawn by the server: each has a title that says what it shows, and its colours from the stylesheet.

A picture is a pure function from data to markup. Where figures matter, a table with the same data stands beside it.
"""
