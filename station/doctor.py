"""The checks of ``canhsong-station doctor``: each says what it found and, where that is wrong, what to do. One check a function."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from config.band_plan import BandPlan
from config.settings import StationSettings
from station.clock_reference import rtc_present
from station.doctor_check import Check, Verdict, told
from station.doctor_receiver import receiver_checks
from station.errors import StationError
from station.gpsd import GpsdReader
from station.live_clock import ClockState, LiveClock
from station.state_folder import state_folder

DISK_LOW_MIB: Final = 1024
GPS_WAIT_S: Final = 4.0
USB_DEVICES: Final = Path("/sys/bus/usb/devices")
USB_NODES: Final = Path("/dev/bus/usb")
_DRIVERS: Final = ("dvb_usb_rtl28xxu", "rtl2832_sdr", "rtl2832")
_PRODUCTS: Final = ("2832", "2838")
_INSTALL: Final = "pip install 'pyrtlsdr[lib]'; apt-get install librtlsdr0"


def checks(settings: StationSettings, plan: BandPlan) -> Iterator[Check]:
    """Yield the findings one by one; those that need a receiver are left out where none opens."""
    there = True
    if settings.receiver.address.startswith("rtlsdr"):
        yield (driver := driver_check())
        yield kernel_check(Path("/proc/modules"))
        yield from permission_checks()
        if there := driver.verdict == "ok":
            yield (dongle := dongle_check())
            there = dongle.verdict == "ok"
    if there:
        yield from receiver_checks(settings, plan)
    yield from clock_checks(settings)
    yield disk_check(state_folder(settings))
    if settings.uplink.collector is not None:
        yield collector_check(settings.uplink.collector)


def driver_check() -> Check:
    """Is there a driver library that pyrtlsdr accepts?"""
    from station.rtlsdr import library_path

    try:
        return Check(name="driver", verdict="ok", found=f"{library_path()}, pyrtlsdr {metadata.version('pyrtlsdr')}")
    except StationError as error:
        return told("driver", error, todo=_INSTALL)


def kernel_check(modules: Path) -> Check:
    """Is the kernel's television driver in the way?"""
    try:
        loaded = [line.split()[0] for line in modules.read_text().splitlines()]
    except OSError:
        loaded = []
    in_way = [name for name in _DRIVERS if name in loaded]
    if not in_way:
        return Check(name="kernel driver", verdict="ok", found="không chắn đường / not in the way")
    todo = f"sudo rmmod {' '.join(in_way)}; giữ nó tránh xa / to keep it away: deploy/canhsong-rtlsdr.conf to /etc/modprobe.d/"
    return Check(name="kernel driver", verdict="warn", found=f"{', '.join(in_way)} đang nạp / is loaded", todo=todo)


def permission_checks(devices: Path = USB_DEVICES, nodes: Path = USB_NODES) -> Iterator[Check]:
    """May this user use the dongles that the kernel sees? Nothing where it sees none (none plugged in, or not by USB)."""
    for device in sorted(devices.glob("*/idVendor")):
        try:
            vendor, product, bus, number = (
                (device.parent / name).read_text().strip() for name in ("idVendor", "idProduct", "busnum", "devnum")
            )
        except OSError:
            continue  # pulled out this moment
        if vendor != "0bda" or product not in _PRODUCTS:
            continue
        node = nodes / f"{int(bus):03d}" / f"{int(number):03d}"
        if os.access(node, os.R_OK | os.W_OK):
            yield Check(name="permissions", verdict="ok", found=f"{node}")
        else:
            todo = (
                "sudo cp deploy/60-canhsong-rtlsdr.rules /etc/udev/rules.d/; vào nhóm plugdev, rút ra cắm lại / "
                "sudo usermod -aG plugdev $USER, log in again, unplug it and plug it in again"
            )
            yield Check(name="permissions", verdict="fail", found=f"{node}: không được phép / may not be used by this user", todo=todo)


def dongle_check() -> Check:
    """Does the driver see a dongle?"""
    from station.rtlsdr import dongles

    found = dongles()
    if found:
        return Check(name="dongle", verdict="ok", found=", ".join(f"{one.name} ({one.serial or 'no serial number'})" for one in found))
    todo = (
        "cắm máy thu; `lsusb` phải thấy 0bda:2838 hoặc 0bda:2832; máy ở xa / plug one in, `lsusb` shows it as 0bda:2838 or 0bda:2832; "
        "one on another machine: --device rtltcp://HOST:PORT"
    )
    return Check(name="dongle", verdict="fail", found="không thấy / no RTL-SDR dongle found", todo=todo)


def clock_checks(settings: StationSettings) -> Iterator[Check]:
    """Is the time known? Where a GPS is set it is asked, and waited for a little."""
    if settings.health.gpsd is None:
        yield clock_check(LiveClock().check(), has_rtc=rtc_present())
        return
    reader = GpsdReader(settings.health.gpsd)
    try:
        until = time.monotonic() + GPS_WAIT_S
        while time.monotonic() < until and (reader.position() is None or reader.time() is None):
            time.sleep(0.1)
        yield gps_check(reader, settings.health.gpsd)
        yield clock_check(LiveClock(gps=reader.time).check(), has_rtc=rtc_present())
    finally:
        reader.close()


def clock_check(state: ClockState, *, has_rtc: bool) -> Check:
    """Is the time known, and by what?"""
    rtc = "" if has_rtc else "; không có RTC / no RTC: without a network the clock is wrong after each start"
    if state.source in ("ntp", "gps"):
        found = f"{state.source}, {state.reference}, trong / within {state.error_ms:.3g} ms"
        return Check(name="clock", verdict="ok", found=found + rtc)
    todo = "sudo apt-get install chrony, có máy chủ giờ hoặc GPS / with a time server or a GPS; until then records say time_source rtc"
    return Check(name="clock", verdict="warn", found=f"chưa đồng bộ / not synchronised{rtc}", todo=todo)


def gps_check(reader: GpsdReader, address: str) -> Check:
    """Does the GPS know where it is?"""
    if (place := reader.position()) is None:
        todo = "anten GPS ra chỗ thoáng, chờ vài phút; gpsd có chạy không? / its antenna under the open sky, some minutes; does gpsd run?"
        return Check(name="gps", verdict="warn", found=f"{address}: chưa định vị / no fix", todo=todo)
    accuracy = "" if place.accuracy_m is None else f" ± {place.accuracy_m:.0f} m"
    return Check(name="gps", verdict="ok", found=f"{place.lat_deg:.5f}, {place.lon_deg:.5f}{accuracy}")


def disk_check(folder: Path) -> Check:
    """Is there room for spool and captures?"""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free >> 20
    verdict: Verdict = "ok" if free >= DISK_LOW_MIB else "warn"
    todo = "" if verdict == "ok" else f"dọn chỗ / make room: old captures in {folder / 'captures'}; or another disk with --state"
    return Check(name="disk", verdict=verdict, found=f"{free} MiB trống / free at {folder}", todo=todo)


def collector_check(address: str, *, connect: Callable[..., socket.socket] = socket.create_connection) -> Check:
    """Does anything answer at the collector's address?"""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if not address.startswith("tcp://") or not port.isdecimal():
        return Check(
            name="collector", verdict="warn", found=f"{address}: không thử được / cannot be tried", todo="give it as tcp://HOST:PORT"
        )
    began = time.monotonic()
    try:
        with connect((host.strip("[]"), int(port)), 3.0):
            passed_ms = (time.monotonic() - began) * 1e3
            return Check(name="collector", verdict="ok", found=f"{address} trả lời / answers in {passed_ms:.0f} ms")
    except OSError as error:
        todo = (
            "chạy `canhsong-collector serve` ở đó, xem địa chỉ và tường lửa / start it there, or check address and firewall; "
            "records wait in the spool meanwhile"
        )
        return Check(name="collector", verdict="fail", found=f"{address}: {error}", todo=todo)
