"""What both programs call a configuration that cannot be used; apart from settings, so that it imports nothing."""

EXIT_CONFIGURATION = 78  # EX_CONFIG of sysexits.h; the systemd units do not restart on it


class ConfigurationError(Exception):
    """What is configured cannot be used; the message names the key, the value and what was expected."""
