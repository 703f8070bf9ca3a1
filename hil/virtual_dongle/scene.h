/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the virtual dongle hears: sources at their frequencies over a noise density, through a receiver with its own clock error, gain,
 * DC offset and FIFO. Read from a text file, one `key value` a line; a source is `source file=... format=... rate=... freq=...`.
 */
#ifndef CANHSONG_SCENE_H
#define CANHSONG_SCENE_H

#include <stddef.h>
#include <stdint.h>

#define MAX_SOURCES 64
#define MAX_DEVICES 8

struct source {
	const void *data;      /* mapped file */
	size_t bytes;
	int format;            /* 0 cf32_le, 1 cu8, 2 ci8 */
	int64_t samples;
	double rate_hz;
	double freq_hz;
	float gain;            /* amplitude factor on full scale 1.0 */
	double start_s, stop_s; /* on the air from, to (scene time) */
	double period_s, on_s; /* > 0: on for on_s of every period_s */
};

struct scene {
	struct source sources[MAX_SOURCES];
	int n_sources;
	double ppm;             /* > 0: the dongle's one crystal is fast */
	double noise_dbfs_hz;   /* at gain 0 */
	double dc_i, dc_q;      /* full scale 1.0 */
	double retune_s;        /* what writing the tuner's registers takes */
	double pll_step_hz;     /* the oscillator stands at multiples of it; 0: anywhere */
	double settle_s;        /* what its loop takes from then on */
	int64_t fifo_samples;   /* what waits in the chip when nobody reads: still of the old frequency after a retune */
	int paced;
	int tuner;              /* enum rtlsdr_tuner */
	int n_devices;
	char serials[MAX_DEVICES][32];
	int open_error;         /* what rtlsdr_open answers; 0: opens */
	uint64_t seed;
	char control[512];      /* file whose first line is a command; see README */
	char report[512];       /* file that gets what was served and the CPU time it took */
};

/* Read the scene in `path`; 0, or -1 with a sentence in `why`. */
int scene_read(const char *path, struct scene *scene, char *why, size_t why_len);

/* The mixer's state for one device. A source's phase follows from the scene time alone. */
struct mixer {
	double time_s;                      /* scene time of the next sample */
	uint64_t rng;
	float *noise;                       /* table of unit normal floats */
};

/* Add `n` samples heard at `center_hz` (nominal) and `rate_hz` (nominal) to `out`, interleaved, full scale 1.0; advances the mixer. */
void scene_mix(const struct scene *scene, struct mixer *mixer, double center_hz, double rate_hz, double gain_db, float *out, int n);

/* Let scene time pass without samples. */
void scene_skip(struct mixer *mixer, double seconds);

int mixer_open(struct mixer *mixer, uint64_t seed);
void mixer_close(struct mixer *mixer);

#endif
