"""The one bridge from findings to wire records: linear to dB, samples to time, figures rounded to what they are worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from config.band_plan import BandPlan
from config.wire import ChannelOccupancy, EmissionReport, Header, OccupancyReport, SpectrumReport
from dsp.units import db, db_array
from station.occupancy import OccupancyOfBand
from station.spectrum_log import RealArray, ThinSpectrum
from station.tracker import TrackEvent


def header_fields(header: Header) -> dict[str, Any]:
    """Return the fields of ``header`` that a record takes as keyword arguments; what is not known is left out."""
    fields: dict[str, Any] = {
        "station": header.station,
        "origin": header.origin,
        "time_source": header.time_source,
        "time_error_ms": header.time_error_ms,
    }
    if header.boot_id is not None:
        fields["boot_id"] = header.boot_id
    if header.position is not None:
        fields["position"] = header.position
    return fields


def emission_report(event: TrackEvent, *, header: Header, relative: bool, plan: BandPlan, label: str | None = None) -> EmissionReport:
    """Return the record of one state of one track."""
    one = event.measured
    return EmissionReport(
        **header_fields(header),
        start_time_ns=event.at_ns,
        track_id=event.track_id,
        event=event.event,
        relative=relative,
        center_freq_hz=freq(one.center_freq_hz),
        lower_freq_hz=freq(one.lower_freq_hz),
        upper_freq_hz=freq(one.upper_freq_hz),
        bandwidth_hz=freq(one.bandwidth_hz),
        bandwidth_26db_hz=None if one.bandwidth_26db_hz is None else freq(one.bandwidth_26db_hz),
        power_dbfs=level(one.power),
        peak_psd_dbfs_hz=level(one.peak_density),
        mean_psd_dbfs_hz=level(one.mean_density),
        floor_psd_dbfs_hz=level(one.floor_density),
        snr_db=round(one.snr_db, 2),
        first_time_ns=event.first_ns,
        last_time_ns=event.last_ns,
        duration_s=round((event.last_ns - event.first_ns) / 1e9, 6),
        burst_count=event.burst_count,
        duty=fraction(event.duty),
        cut_low=one.cut_low,
        cut_high=one.cut_high,
        band=None if relative else plan.name_at(one.center_freq_hz),
        label=label,
    )


def spectrum_report(spectrum: ThinSpectrum, *, header: Header, start_time_ns: int, center_freq_hz: float | None) -> SpectrumReport:
    """Return the record of one thinned spectrum; frequencies are offsets where the centre is None."""
    return SpectrumReport(
        **header_fields(header),
        start_time_ns=start_time_ns,
        relative=center_freq_hz is None,
        lower_freq_hz=freq((center_freq_hz or 0.0) + spectrum.lower_offset_hz),
        step_hz=round(spectrum.step_hz, 6),
        duration_s=round(spectrum.duration_s, 6),
        mean_dbfs_hz=_levels(spectrum.mean),
        max_dbfs_hz=_levels(spectrum.max_hold),
        floor_dbfs_hz=_levels(spectrum.floor),
    )


def occupancy_report(occupancy: OccupancyOfBand, *, header: Header, start_time_ns: int, relative: bool) -> OccupancyReport:
    """Return the record of one band's occupancy."""
    return OccupancyReport(
        **header_fields(header),
        start_time_ns=start_time_ns,
        relative=relative,
        band=occupancy.band,
        lower_freq_hz=freq(occupancy.lower_freq_hz),
        upper_freq_hz=freq(occupancy.upper_freq_hz),
        channel_width_hz=round(occupancy.channel_width_hz, 3),
        observed_s=round(occupancy.observed_s, 6),
        revisits=occupancy.looks,
        fbo=fraction(occupancy.fbo),
        sro=fraction(occupancy.sro),
        channels=[ChannelOccupancy(center_freq_hz=freq(center), fco=fraction(fco)) for center, fco in occupancy.channels],
    )


def freq(freq_hz: float) -> float:
    """Return a frequency or bandwidth to 0.1 Hz."""
    return round(float(freq_hz), 1)


def level(power: float) -> float:
    """Return a linear power or density in dB to 0.01 dB."""
    return round(db(float(power)), 2)


def fraction(part: float) -> float:
    """Return a part of the whole to 1e-6, within 0 and 1."""
    return min(1.0, max(0.0, round(float(part), 6)))


def _levels(densities: RealArray) -> list[float]:
    rounded: list[float] = np.round(db_array(densities), 1).tolist()
    return rounded
