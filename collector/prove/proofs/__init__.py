"""One module per proof: an async function from `Terms` to a `Verdict`."""
