"""RTL-SDR dongles through pyrtlsdr: the one door to ``rtlsdr``.

What pyrtlsdr 0.5.1 really does, and what is made of it here: its read buffer is used again by the next read (each block is copied once);
``num_bytes_read`` is shared between all devices (each gets its own); ``center_freq`` answers in whole kHz (what was asked is remembered);
a sample rate that the driver cannot do exactly is given as it really is; any error closes the device.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dsp.units import SampleFormat
from station.errors import MisuseError, ReceiverError
from station.receiver import IQBlock
from station.rtlsdr_limits import asked_freq_hz, checked_rate, tuner_of

_INSTALL: Final = "pip install 'pyrtlsdr[lib]' (64-bit), or apt-get install librtlsdr2 of version 2.0 or newer"
_OPEN_ERRORS: Final = {
    -3: "no permission to use the dongle: install deploy/60-canhsong-rtlsdr.rules in /etc/udev/rules.d, then plug it in again",
    -4: "the dongle went away: plug it in again",
    -6: "another driver or program holds the dongle: sudo rmmod dvb_usb_rtl28xxu rtl2832_sdr rtl2832, or end the other program",
}
_READ_BYTES: Final = 512
"""The USB transfer's unit: reads are multiples of it."""
SETTLE_S: Final = 0.01
"""The tuners lock within 5 ms, the slowest of them within 10."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtlSdrOptions:
    """How a dongle is set. ``device``: serial number, or index as digits where no dongle has it as serial; None: the first."""

    device: str | None = None
    sample_rate_hz: float = 2.4e6
    gain_db: float = 30.0
    ppm: float = 0.0
    bias_tee: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDongle:
    """One dongle that is plugged in."""

    index: int
    name: str
    serial: str


def driver() -> Any:
    """Return pyrtlsdr.

    Raises:
        ReceiverError: it, or a driver library that it accepts, is not there; the message says what to install.
    """
    try:
        import rtlsdr
    except ImportError as error:
        raise ReceiverError(f"pyrtlsdr or the driver library is missing ({error}): {_INSTALL}") from error
    except AttributeError as error:
        missing = str(error).rpartition(": ")[2]
        raise ReceiverError(f"the driver library is too old for pyrtlsdr ({missing}): {_INSTALL}") from error
    return rtlsdr


def library_path() -> str:
    """Return the path of the driver library that pyrtlsdr loaded, as the loader has it."""
    name = driver().librtlsdr._name
    try:
        with open("/proc/self/maps") as maps:
            loaded = [line.split()[-1] for line in maps if "rtlsdr" in line and ".so" in line]
    except OSError:
        loaded = []
    return loaded[0] if loaded else str(name)


def dongles() -> list[FoundDongle]:
    """Return the dongles that are plugged in."""
    library = driver().librtlsdr
    found = []
    for index in range(library.rtlsdr_get_device_count()):
        serial = (ctypes.c_ubyte * 256)()
        answer = library.rtlsdr_get_device_usb_strings(index, None, None, serial)
        text = bytes(serial).split(b"\0")[0].decode("utf-8", "replace") if answer == 0 else ""
        found.append(FoundDongle(index=index, name=library.rtlsdr_get_device_name(index).decode("utf-8", "replace"), serial=text))
    return found


def chosen(device: str | None) -> FoundDongle:
    """Return the dongle that ``device`` means: its serial number, else its index.

    Raises:
        ReceiverError: there is none.
    """
    found = dongles()
    if not found:
        raise ReceiverError(
            "no RTL-SDR dongle found: plug one in, see it with `canhsong-station devices`; or name a server: rtltcp://HOST:PORT"
        )
    if device is None:
        return found[0]
    by_serial = [one for one in found if one.serial == device]
    by_index = [one for one in found if device.isdecimal() and one.index == int(device) and len(device) < 3]
    if not (matching := by_serial or by_index):
        have = ", ".join(f"{one.index} (serial {one.serial or 'none'})" for one in found)
        raise ReceiverError(f"no dongle {device!r}: there are {have}")
    return matching[0]


class RtlSdrReceiver:
    """One dongle, read synchronously: AGC off, gain from the tuner's table, the buffer emptied after each retune."""

    def __init__(self, options: RtlSdrOptions) -> None:
        """Open and set the dongle.

        Raises:
            ReceiverError: it cannot be used; the message says what to do.
            MisuseError: the options cannot be meant.
        """
        rate = checked_rate(options.sample_rate_hz)
        found = chosen(options.device)
        self._ppm = options.ppm
        self._center: float | None = None
        self._sample = 0
        self.dropped_samples = 0
        self.settle_s = SETTLE_S
        try:
            self._sdr = driver().RtlSdr(device_index=found.index)
        except OSError as error:
            raise _opening_failed(error, found) from error
        try:
            self._sdr.num_bytes_read = ctypes.c_int32(0)
            self._sdr.set_agc_mode(False)
            self._sdr.set_sample_rate(rate)
            self._sdr.set_gain(options.gain_db)
            self._sdr.set_bias_tee(options.bias_tee)
            self.gain_db = float(self._sdr.get_gain())
            self._rate = float(self._sdr.get_sample_rate())
            self.tuner = tuner_of(self._sdr.get_tuner_type())
        except OSError as error:
            self._sdr.close()
            raise ReceiverError(f"dongle {found.index}: cannot be set ({error}): unplug it and plug it in again") from error
        except ReceiverError:
            self._sdr.close()
            raise
        self.name, self.serial, self._bias_tee = found.name, found.serial, options.bias_tee

    @property
    def sample_rate_hz(self) -> float:
        """Complex samples per second, as the resampler really gives them when the crystal is right."""
        return self._rate

    @property
    def sample_format(self) -> SampleFormat:
        """Always unsigned bytes."""
        return "cu8"

    def correct(self, ppm: float) -> None:
        """Take the crystal to be fast by ``ppm``; from the next tuning on."""
        self._ppm = ppm

    def tune(self, center_freq_hz: float) -> None:
        """Tune so that ``center_freq_hz`` is the middle, the crystal's known error allowed for; what waits in the dongle is thrown away.

        Raises:
            MisuseError: the tuner cannot hear there.
            ReceiverError: the dongle does not obey.
        """
        asked = asked_freq_hz(center_freq_hz, tuner=self.tuner, ppm=self._ppm)
        try:
            self._sdr.set_center_freq(asked)
            library = driver().librtlsdr
            answer = library.rtlsdr_reset_buffer(self._sdr.dev_p)
        except OSError as error:
            raise ReceiverError(
                f"tuning to {center_freq_hz / 1e6:g} MHz failed ({error}): unplug the dongle and plug it in again"
            ) from error
        if answer < 0:
            raise ReceiverError(f"the dongle's buffer cannot be emptied (error {answer}): unplug it and plug it in again")
        self._center = asked * (1.0 + self._ppm * 1e-6)

    def read(self, n_samples: int) -> IQBlock | None:
        """Return the next ``n_samples`` (rounded up to the transfer's unit, the rest is thrown away), copied.

        Raises:
            ReceiverError: the dongle went away.
        """
        if self._center is None:
            raise MisuseError("the dongle was not tuned yet")
        n_bytes = -(-2 * n_samples // _READ_BYTES) * _READ_BYTES
        try:
            buffer = self._sdr.read_bytes(n_bytes)
        except OSError as error:
            raise ReceiverError(f"reading failed ({error}): the dongle was unplugged or its cable is bad") from error
        block = IQBlock(
            samples=np.frombuffer(buffer, np.uint8, count=2 * n_samples).copy(),
            sample_format="cu8",
            sample_rate_hz=self._rate,
            center_freq_hz=self._center,
            first_sample=self._sample,
        )
        self._sample += n_bytes // 2
        return block

    def close(self) -> None:
        """Let go of the dongle; an antenna amplifier's supply is switched off first."""
        if getattr(self, "_bias_tee", False) and self._sdr.device_opened:
            self._sdr.set_bias_tee(False)
        self._sdr.close()


def _opening_failed(error: OSError, found: FoundDongle) -> ReceiverError:
    what = _OPEN_ERRORS.get(error.errno or 0, f"cannot be opened ({error}): unplug it and plug it in again")
    return ReceiverError(f"dongle {found.index} ({found.serial or found.name}): {what}")
