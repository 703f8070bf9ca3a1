"""The level expected from a distant transmitter: Longley-Rice irregular terrain model, area mode, by ``itmlogic`` (decision 12).

The one door to ``itmlogic``. Area mode needs no terrain profile, only how rough the land is (Delta h), which fits a registry that does not
say where a foreign base station stands.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Final

CLIMATE_MARITIME_SUBTROPICAL: Final = 3
MOBILE: Final = 12
"""Variability: time and location together, location once more left out (10), as for one place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaPath:
    """What the model's area mode asks of a path: antennas, terrain, ground, air, and how the sites were chosen."""

    freq_mhz: float
    distance_km: float
    heights_m: tuple[float, float]
    terrain_dh_m: float
    siting: tuple[int, int] = (0, 0)
    """0: at random, 1: with care, 2: with great care."""
    ground: tuple[float, float] = (15.0, 0.005)
    """Relative permittivity and conductivity (S/m); average ground."""
    refractivity: float = 360.0
    """N-units at sea level; equatorial to maritime subtropical (the model's guide gives 360 to 370)."""
    vertical: bool = True
    climate: int = CLIMATE_MARITIME_SUBTROPICAL
    variability: int = MOBILE


@functools.lru_cache(maxsize=4096)
def path_loss_db(*, freq_mhz: float, distance_km: float, transmitter_m: float, receiver_m: float, terrain_dh_m: float) -> float:
    """Return the median basic transmission loss in dB between two antennas; distances below 1 km are taken as 1 km."""
    heights = (transmitter_m, receiver_m)
    return area_loss_db(AreaPath(freq_mhz=freq_mhz, distance_km=max(1.0, distance_km), heights_m=heights, terrain_dh_m=terrain_dh_m))


def area_loss_db(path: AreaPath, *, deviates: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> float:
    """Return the basic transmission loss in dB: free space, reference attenuation, and the quantile of its variability.

    ``deviates``: standard normal ones of time, location and situation, positive for what is exceeded less often; 0 is the median.
    Source: ITM 1.2.2, area prediction mode.
    """
    from itmlogic.lrprop import lrprop
    from itmlogic.preparatory_subroutines.qlra import qlra
    from itmlogic.preparatory_subroutines.qlrps import qlrps
    from itmlogic.statistics.avar import avar

    wave_number, curvature, refractivity, impedance = qlrps(path.freq_mhz, 0.0, path.refractivity, int(path.vertical), *path.ground)
    metres = path.distance_km * 1e3
    prop = {
        "kwx": 0, "lvar": 5, "mdvar": path.variability, "mdvarx": path.variability, "klim": path.climate, "klimx": 0,
        "hg": list(path.heights_m), "dh": path.terrain_dh_m, "wn": wave_number, "gme": curvature, "ens": refractivity,
        "zgnd": impedance, "d": metres, "dist": metres, "wspeed": 0.0,
    }  # fmt: skip
    prop = qlra(list(path.siting), prop)
    prop["klim"] = path.climate
    prop = lrprop(metres, prop)
    excess, _ = avar(*deviates, prop)
    free_space = 32.45 + 20.0 * math.log10(path.freq_mhz) + 20.0 * math.log10(path.distance_km)
    return float(free_space + excess)


def field_dbuv_m(*, power_dbm: float, freq_mhz: float, antenna_gain_dbi: float, losses_db: float = 0.0) -> float:
    """Return the field strength in dBuV/m that gives ``power_dbm`` into 50 ohm: P + 20 log10 f + 77.2 - G + L."""
    return power_dbm + 20.0 * math.log10(freq_mhz) + 77.2 - antenna_gain_dbi + losses_db
