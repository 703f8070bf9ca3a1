"""Errors of the common ground: one base, leaves that name file, key and value."""


class ConfigError(ValueError):
    """Base of every error that ``config`` raises on purpose."""


class SettingsError(ConfigError):
    """A setting is wrong: the message names where it came from, its key and what would be accepted."""


class DataFileError(ConfigError):
    """A data file (band plan, licences) is wrong: the message names file, line and column."""


class WireError(ConfigError):
    """Base of what can be wrong with bytes that came from outside."""


class WireVersionError(WireError):
    """The first byte names a wire version that this program does not know."""

    def __init__(self, version: int, known: int) -> None:
        """Say which version came and which is known."""
        super().__init__(f"wire version {version}: this program knows {known}; upgrade the older side")
        self.version = version
        self.known = known


class WireFormatError(WireError):
    """The bytes are no message of this contract."""
