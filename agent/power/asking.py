"""The agent's side of the child process that describes and switches; `AskingError` when nothing came of it."""
