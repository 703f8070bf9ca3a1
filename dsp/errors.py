"""Errors of the signal processing: one base, leaves that carry the value and the limit."""


class DspError(ValueError):
    """Base of every error that ``dsp`` raises on purpose."""


class ParameterError(DspError):
    """A parameter is outside what the method can do."""

    def __init__(self, name: str, value: object, limit: str) -> None:
        """Say which parameter, its value, and what would be accepted."""
        super().__init__(f"{name} = {value!r}: must be {limit}")
        self.name = name
        self.value = value
        self.limit = limit


class TooFewSamplesError(DspError):
    """The samples given cannot answer the question."""

    def __init__(self, n_samples: int, needed: int) -> None:
        """Say how many samples came and how many are needed."""
        super().__init__(f"{n_samples} samples given, at least {needed} needed")
        self.n_samples = n_samples
        self.needed = needed
