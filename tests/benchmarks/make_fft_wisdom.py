"""Measure FFTW plans for the Welch estimate's transforms and print them as dsp/psd_wisdom.py wants them.

python tests/benchmarks/make_fft_wisdom.py > wisdom.txt    (on a quiet machine; about half a minute)
"""

from __future__ import annotations

import pyfftw

from dsp.psd_engine import BATCH_SAMPLES

SIZES = [1 << k for k in range(8, 17)]


def main() -> None:
    pyfftw.forget_wisdom()
    for n_fft in SIZES:
        for total in BATCH_SAMPLES.values():
            batch = max(1, total // n_fft)
            source = pyfftw.zeros_aligned((batch, n_fft), "complex64")
            target = pyfftw.zeros_aligned((batch, n_fft), "complex64")
            size = 1
            while size <= batch:
                pyfftw.FFTW(source[:size], target[:size], axes=(1,), flags=("FFTW_MEASURE", "FFTW_DESTROY_INPUT"))
                size *= 2
    print(pyfftw.export_wisdom()[1].decode().strip())


if __name__ == "__main__":
    main()
