"""The level expected from a distant transmitter: Longley-Rice irregular terrain model, area mode, by ``itmlogic`` (decision 12).

The one door to ``itmlogic``. Area mode needs no terrain profile, only how rough the land is (Delta h), which fits a registry that does not
say where a foreign base station stands.
"""

from __future__ import annotations

import functools
import math
from typing import Final

REFRACTIVITY: Final = 360.0
"""N-units at sea level; equatorial to maritime subtropical (the model's guide gives 360 to 370)."""
GROUND: Final = (15.0, 0.005)
"""Relative permittivity and conductivity (S/m) of average ground."""
_CLIMATE_MARITIME_SUBTROPICAL: Final = 3
_VARIABLES: Final = {"kwx": 0, "lvar": 5, "mdvar": 12, "mdvarx": 12, "klim": _CLIMATE_MARITIME_SUBTROPICAL, "klimx": 0}


@functools.lru_cache(maxsize=4096)
def path_loss_db(*, freq_mhz: float, distance_km: float, transmitter_m: float, receiver_m: float, terrain_dh_m: float) -> float:
    """Return the median basic transmission loss in dB between two antennas; distances below 1 km are taken as 1 km.

    Source: ITM 1.2.2, area prediction mode, random siting; free space plus reference attenuation plus the median's adjustment.
    """
    from itmlogic.lrprop import lrprop
    from itmlogic.preparatory_subroutines.qlra import qlra
    from itmlogic.preparatory_subroutines.qlrps import qlrps
    from itmlogic.statistics.avar import avar

    distance_km = max(1.0, distance_km)
    wave_number, curvature, refractivity, impedance = qlrps(freq_mhz, 0.0, REFRACTIVITY, 1, *GROUND)
    prop = {
        **_VARIABLES, "hg": [transmitter_m, receiver_m], "dh": terrain_dh_m, "wn": wave_number, "gme": curvature, "ens": refractivity,
        "zgnd": impedance, "d": distance_km * 1e3, "dist": distance_km * 1e3, "wspeed": 0.0,
    }  # fmt: skip
    prop = qlra([0, 0], prop)
    prop["klim"] = _CLIMATE_MARITIME_SUBTROPICAL
    prop = lrprop(distance_km * 1e3, prop)
    excess, _ = avar(0.0, 0.0, 0.0, prop)
    free_space = 32.45 + 20.0 * math.log10(freq_mhz) + 20.0 * math.log10(distance_km)
    return float(free_space + excess)


def field_dbuv_m(*, power_dbm: float, freq_mhz: float, antenna_gain_dbi: float, losses_db: float = 0.0) -> float:
    """Return the field strength in dBuV/m that gives ``power_dbm`` into 50 ohm: P + 20 log10 f + 77.2 - G + L."""
    return power_dbm + 20.0 * math.log10(freq_mhz) + 77.2 - antenna_gain_dbi + losses_db
