"""Reading of CSN.1 rest octets (TS 44.006 annex B style, TS 44.018 cl. 10.5.2.32 on): bits one by one, against the padding 2B."""

from __future__ import annotations

from dsp.errors import DspError

PADDING = 0x2B


class EndOfBitsError(DspError):
    """The description goes on beyond the last octet."""

    def __init__(self, n_bits: int) -> None:
        """Say how many bits there were."""
        super().__init__(f"rest octets end after {n_bits} bits: the message is cut or not what its type says")
        self.n_bits = n_bits


class BitReader:
    """Bits of rest octets, first sent bit (the highest of an octet) first."""

    def __init__(self, octets: bytes) -> None:
        """Start at the first bit of ``octets``."""
        self._value = int.from_bytes(octets, "big")
        self._padding = int.from_bytes(bytes([PADDING]) * len(octets), "big")
        self._n_bits = 8 * len(octets)
        self._at = 0

    def bits(self, n: int) -> int:
        """Return the next ``n`` bits as a number.

        Raises:
            EndOfBitsError: there are fewer.
        """
        self._at += n
        if self._at > self._n_bits:
            raise EndOfBitsError(self._n_bits)
        return self._value >> (self._n_bits - self._at) & ((1 << n) - 1)

    def flag(self) -> bool:
        """Return whether the next bit is 1."""
        return self.bits(1) == 1

    def high(self) -> bool:
        """Return whether the next bit is H, differs from the padding; beyond the end all is L."""
        if self._at >= self._n_bits:
            return False
        padding = self._padding >> (self._n_bits - self._at - 1) & 1
        return self.bits(1) != padding
