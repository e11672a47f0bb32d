"""The manual, read in the browser: the Markdown of `docs/` as it came with this version."""
