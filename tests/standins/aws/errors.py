"""A refusal as AWS words it."""


class AwsError(Exception):
    """What a call is answered with: AWS's error code, its message, the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
