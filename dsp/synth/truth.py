"""What is in a stretch of a scene, as a receiver's recording shows it: the truth that annotations hold."""

from __future__ import annotations

from dataclasses import dataclass

from dsp.synth.scene import Scene, SceneItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One carrier while it was on. Frequencies are those the recording shows; ``freq_hz`` is the carrier's own."""

    name: str
    first_sample: int
    n_samples: int
    lower_hz: float
    """Lower edge in the recording's own frequencies, over the whole time for a carrier that drifts, cut at the span."""
    upper_hz: float
    freq_hz: float
    """True frequency in the middle of the time."""
    cfo_hz: float
    """Shown minus true frequency, by the receiver's clock."""
    power_dbfs: float
    """Mean power while on."""
    snr_db: float
    """Over the noise in the item's bandwidth."""
    drift_hz_s: float
    cut_low: bool
    cut_high: bool


def scene_truth(scene: Scene, *, center_freq_hz: float, sample_rate_hz: float, duration_s: float) -> tuple[Truth, ...]:
    """Return the truth of the first ``duration_s`` of ``scene``, by item, then by time; items outside the span have none.

    ``sample_rate_hz`` and ``duration_s`` are those of the receiver's clock, as in ``scene.render``.
    """
    clock = 1.0 + scene.impairments.ppm * 1e-6
    found = []
    for item in scene.items:
        for interval in item.on_intervals(0.0, duration_s / clock):
            truth = _truth(scene, item, interval, (center_freq_hz, sample_rate_hz))
            if truth is not None:
                found.append(truth)
    return tuple(found)


def _truth(scene: Scene, item: SceneItem, interval_s: tuple[float, float], view: tuple[float, float]) -> Truth | None:
    """Return the truth of ``item`` in one interval of true time; None where the span, (centre, width), holds nothing of it."""
    center_hz, rate_hz = view
    clock = 1.0 + scene.impairments.ppm * 1e-6
    ends = sorted(item.freq_at_hz(t) for t in interval_s)
    lower, upper = (ends[0] - item.bandwidth_hz / 2) / clock, (ends[1] + item.bandwidth_hz / 2) / clock
    span = center_hz - rate_hz / 2, center_hz + rate_hz / 2
    if upper <= span[0] or lower >= span[1]:
        return None
    first, stop = (round(t * rate_hz * clock) for t in interval_s)
    middle = item.freq_at_hz(sum(interval_s) / 2)
    return Truth(
        name=item.name,
        first_sample=first,
        n_samples=stop - first,
        lower_hz=max(lower, span[0]),
        upper_hz=min(upper, span[1]),
        freq_hz=middle,
        cfo_hz=middle / clock - middle,
        power_dbfs=item.cn0_dbhz + scene.noise_dbfs_hz,
        snr_db=item.snr_db,
        drift_hz_s=item.drift_hz_s,
        cut_low=lower < span[0],
        cut_high=upper > span[1],
    )
