from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.loading import load_settings
from config.settings import StationSettings


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_later_layer_wins_and_says_so(tmp_path: Path) -> None:
    file = write(tmp_path / "station.toml", '[analysis]\nn_fft = 1024\noverlap = 0.0\n[station]\nname = "from-file"\n')
    loaded = load_settings(
        StationSettings,
        file=file,
        environment={"CANHSONG_ANALYSIS_N_FFT": "2048", "CANHSONG_IDENTITY_GSM": "false"},
        flags={"analysis.n_fft": ("--n-fft", 512)},
    )
    assert loaded.settings.analysis.n_fft == 512
    assert loaded.settings.analysis.overlap == 0.0
    assert loaded.settings.identity.gsm is False
    assert loaded.settings.station.name == "from-file"
    assert loaded.sources == {
        "analysis.n_fft": "flag: --n-fft",
        "analysis.overlap": str(file),
        "station.name": str(file),
        "identity.gsm": "environment: CANHSONG_IDENTITY_GSM",
    }


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("[analysis]\nn_fft = 1000\n", "analysis", "power of two"),
        ("[analysis]\nn_fft = 128\n", "analysis.n_fft", ">= 256"),
        ('[analysis]\nn_fft = "4096"\n', "analysis.n_fft", "int"),
        ("[analysis]\noverlap = 0.3\n", "analysis", "0 or 0.5"),
        ("[analysis]\npfa = nan\n", "analysis.pfa", "> 0"),
        ("[analysis]\nnfft = 1024\n", "analysis.nfft", "unknown key"),
        ("[analyses]\nn_fft = 1024\n", "analyses", "unknown key"),
        ("analysis = 3\n", "analysis", "section"),
        ('[station]\nname = "a b"\n', "station.name", "regex"),
        ("[station]\nlat_deg = 12.7\n", "station", "both or neither"),
        ('[uplink]\ncollector = "127.0.0.1:1"\n', "uplink.collector", "regex"),
    ],
)
def test_a_wrong_setting_in_a_file_is_one_error_with_file_and_key(tmp_path: Path, text: str, key: str, said: str) -> None:
    file = write(tmp_path / "station.toml", text)
    with pytest.raises(SettingsError) as caught:
        load_settings(StationSettings, file=file)
    message = str(caught.value)
    assert message.startswith(f"{file}: {key}: ")
    assert said in message
    assert "\n" not in message


def test_text_that_is_not_toml_is_refused_with_file_and_line(tmp_path: Path) -> None:
    file = write(tmp_path / "station.toml", "[analysis\n")
    with pytest.raises(SettingsError, match=r"station\.toml: is not TOML: .*line 1"):
        load_settings(StationSettings, file=file)


def test_a_missing_file_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read: No such file"):
        load_settings(StationSettings, file=tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CANHSONG_ANALYSIS_N_FFT", "many", "expected int"),
        ("CANHSONG_ANALYSIS_N_FFT", "17", ">= 256"),
        ("CANHSONG_ANALYSIS_NFFT", "1024", "unknown; known are CANHSONG_ANALYSIS_DWELL_S"),
        ("CANHSONG_IDENTITY_TRIES", "0", ">= 1"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(StationSettings, environment={variable: value})
    assert str(caught.value).startswith(f"environment: {variable}: ")
    assert said in str(caught.value)


def test_variables_of_other_programs_are_left_alone() -> None:
    loaded = load_settings(StationSettings, environment={"CANHSONG_RECORDINGS": "/x", "CANHSONG_NO_SKIP": "1", "PATH": "/bin"})
    assert loaded.settings == StationSettings()


def test_a_wrong_flag_is_named_as_it_is_typed() -> None:
    with pytest.raises(SettingsError, match=r"^flag: --merge-gap: analysis\.merge_gap_s: expected float >= 0"):
        load_settings(StationSettings, flags={"analysis.merge_gap_s": ("--merge-gap", -1.0), "analysis.n_fft": ("--n-fft", None)})
