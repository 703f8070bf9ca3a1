/* The Welch estimate of dsp/psd.py written by hand in C: cu8 to float, Hann window, FFTW3f with a measured plan, sum, maximum and minimum of
 * the powers, the count of clipped values and the peak. 50 % overlap.
 *
 *     cc -O3 -march=native -ffast-math -o psd_peer psd_peer.c -lfftw3f -lm
 *     psd_peer N_FFT REPEATS < samples.cu8        prints the best processor time in seconds, then the mean power of bin 5
 */
#include <fftw3.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

static float *floats(int n, float value)
{
    float *array = fftwf_malloc(sizeof(float) * n);
    for (int i = 0; i < n; i++)
        array[i] = value;
    return array;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

int main(int argc, char **argv)
{
    const int n = argc > 1 ? atoi(argv[1]) : 4096, repeats = argc > 2 ? atoi(argv[2]) : 3, hop = n / 2;
    size_t room = 1 << 20, size = 0, got;
    unsigned char *raw = malloc(room);
    while ((got = fread(raw + size, 1, room - size, stdin)) > 0)
        if ((size += got) == room)
            raw = realloc(raw, room *= 2);

    float *window = floats(2 * n, 0), *power = floats(n, 0);
    for (int i = 0; i < n; i++)
        window[2 * i] = window[2 * i + 1] = 0.5 - 0.5 * cos(2 * M_PI * i / n);
    fftwf_complex *in = fftwf_malloc(sizeof(*in) * n), *out = fftwf_malloc(sizeof(*out) * n);
    fftwf_plan plan = fftwf_plan_dft_1d(n, in, out, FFTW_FORWARD, FFTW_MEASURE);

    double best = 1e9, mean = 0;
    long clipped = 0;
    int low = 255, high = 0;
    for (int r = 0; r < repeats; r++) {
        float *sum = floats(n, 0), *top = floats(n, 0), *bottom = floats(n, 1e30f), *x = (float *)in, *y = (float *)out;
        long segments = 0;
        const double begin = cpu_seconds();
        clipped = 0;
        for (size_t first = 0; first + 2 * n <= size; first += 2 * hop) {
            const unsigned char *values = raw + first;
            int count = 0;
            for (int i = 0; i < 2 * hop; i++) {
                count += (values[i] == 0) + (values[i] == 255);
                low = values[i] < low ? values[i] : low;
                high = values[i] > high ? values[i] : high;
            }
            clipped += count;
            for (int i = 0; i < 2 * n; i++)
                x[i] = (values[i] - 127.5f) * window[i];
            fftwf_execute(plan);
            for (int k = 0; k < n; k++)
                power[k] = y[2 * k] * y[2 * k] + y[2 * k + 1] * y[2 * k + 1];
            for (int k = 0; k < n; k++) {
                sum[k] += power[k];
                top[k] = power[k] > top[k] ? power[k] : top[k];
                bottom[k] = power[k] < bottom[k] ? power[k] : bottom[k];
            }
            segments++;
        }
        const double took = cpu_seconds() - begin;
        best = took < best ? took : best;
        mean = sum[5] / segments + 0 * (top[5] + bottom[5]);
        fftwf_free(sum), fftwf_free(top), fftwf_free(bottom);
    }
    printf("%.6f %.6e %ld %d %d\n", best, mean, clipped, low, high);
    return 0;
}
