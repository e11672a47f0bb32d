"""What ends the making of packages with one line."""


class PackagingError(Exception):
    """Something is missing or is not as it must be; the message says what was expected."""
