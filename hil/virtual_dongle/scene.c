/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Scene file and mixer. Each source is resampled by a windowed sinc (8 zero crossings a side, Kaiser beta 8, 512 phases with the nearest taken:
 * images below -50 dB, under the 8-bit quantisation) from its own clock to the dongle's, and turned to where the dongle hears it:
 * with ppm p the dongle samples at rate (1 + p) and its oscillator stands at center (1 + p), so a carrier appears low by p.
 */
#include "scene.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZERO_CROSSINGS 8
#define PHASES 512
#define MAX_TAPS 1024
#define NOISE_LEN (1 << 20)
#define BLOCK 2048
#define CUTS 128 /* the filters' widths come in steps of this part of the source's rate */
#define MIN_CUTS 4

static const char *const TUNERS[] = {"unknown", "E4000", "FC0012", "FC0013", "FC2580", "R820T", "R828D"};
static const char *const FORMATS[] = {"cf32_le", "cu8", "ci8"};
static const int SAMPLE_BYTES[] = {8, 2, 2};

static int map_source(struct source *s, const char *path, char *why, size_t len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < 16) {
		snprintf(why, len, "%s: cannot be read or holds no samples", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	s->bytes = (size_t)st.st_size;
	s->data = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (s->data == MAP_FAILED) {
		snprintf(why, len, "%s: cannot be mapped", path);
		return -1;
	}
	s->samples = (int64_t)(s->bytes / (size_t)SAMPLE_BYTES[s->format]);
	return 0;
}

static int read_source(struct scene *scene, char *words, char *why, size_t len)
{
	struct source s = {.format = 0, .gain = 1.0f, .stop_s = 1e18};
	char path[512] = "", *save = NULL;
	for (char *word = strtok_r(words, " \t\r\n", &save); word; word = strtok_r(NULL, " \t\r\n", &save)) {
		char *value = strchr(word, '=');
		if (!value) {
			snprintf(why, len, "source: %s has no value", word);
			return -1;
		}
		*value++ = 0;
		if (!strcmp(word, "file"))
			snprintf(path, sizeof path, "%s", value);
		else if (!strcmp(word, "format")) {
			for (s.format = 0; s.format < 3 && strcmp(value, FORMATS[s.format]); s.format++)
				;
			if (s.format == 3) {
				snprintf(why, len, "source: format %s: known are cf32_le, cu8, ci8", value);
				return -1;
			}
		} else if (!strcmp(word, "rate"))
			s.rate_hz = atof(value);
		else if (!strcmp(word, "freq"))
			s.freq_hz = atof(value);
		else if (!strcmp(word, "level_db"))
			s.gain = (float)pow(10.0, atof(value) / 20.0);
		else if (!strcmp(word, "start"))
			s.start_s = atof(value);
		else if (!strcmp(word, "stop"))
			s.stop_s = atof(value);
		else if (!strcmp(word, "period"))
			s.period_s = atof(value);
		else if (!strcmp(word, "on"))
			s.on_s = atof(value);
		else {
			snprintf(why, len, "source: unknown key %s", word);
			return -1;
		}
	}
	if (!path[0] || !(s.rate_hz > 0) || !(s.freq_hz > 0) || scene->n_sources == MAX_SOURCES) {
		snprintf(why, len, "source: file, rate and freq are needed, at most %d sources", MAX_SOURCES);
		return -1;
	}
	if (map_source(&s, path, why, len))
		return -1;
	scene->sources[scene->n_sources++] = s;
	return 0;
}

static int read_key(struct scene *scene, const char *key, const char *value, char *why, size_t len)
{
	if (!strcmp(key, "ppm"))
		scene->ppm = atof(value);
	else if (!strcmp(key, "noise_dbfs_hz"))
		scene->noise_dbfs_hz = atof(value);
	else if (!strcmp(key, "dc"))
		return sscanf(value, "%lf %lf", &scene->dc_i, &scene->dc_q) == 2 ? 0 : -1;
	else if (!strcmp(key, "retune_s"))
		scene->retune_s = atof(value);
	else if (!strcmp(key, "pll_step_hz"))
		scene->pll_step_hz = atof(value);
	else if (!strcmp(key, "settle_s"))
		scene->settle_s = atof(value);
	else if (!strcmp(key, "fifo_samples"))
		scene->fifo_samples = atoll(value);
	else if (!strcmp(key, "paced"))
		scene->paced = atoi(value);
	else if (!strcmp(key, "seed"))
		scene->seed = strtoull(value, NULL, 0);
	else if (!strcmp(key, "open_error"))
		scene->open_error = atoi(value);
	else if (!strcmp(key, "control"))
		snprintf(scene->control, sizeof scene->control, "%s", value);
	else if (!strcmp(key, "report"))
		snprintf(scene->report, sizeof scene->report, "%s", value);
	else if (!strcmp(key, "serial") && scene->n_devices < MAX_DEVICES)
		snprintf(scene->serials[scene->n_devices++], sizeof scene->serials[0], "%s", value);
	else if (!strcmp(key, "devices") && !strcmp(value, "0"))
		scene->n_devices = -1;
	else if (!strcmp(key, "tuner")) {
		for (scene->tuner = 6; scene->tuner > 0 && strcasecmp(value, TUNERS[scene->tuner]); scene->tuner--)
			;
	} else {
		snprintf(why, len, "unknown key %s", key);
		return -1;
	}
	return 0;
}

int scene_read(const char *path, struct scene *scene, char *why, size_t why_len)
{
	char line[2048];
	FILE *file = fopen(path, "r");
	memset(scene, 0, sizeof *scene);
	scene->noise_dbfs_hz = -130.0;
	scene->tuner = 5;
	scene->fifo_samples = 2048;
	scene->retune_s = 0.005;
	scene->settle_s = 0.0005;
	scene->seed = 1;
	if (!file) {
		snprintf(why, why_len, "%s: cannot be read", path);
		return -1;
	}
	int bad = 0;
	while (!bad && fgets(line, sizeof line, file)) {
		char *at = line + strspn(line, " \t\r\n");
		if (!*at || *at == '#')
			continue;
		char *value = at + strcspn(at, " \t\r\n");
		if (*value)
			*value++ = 0;
		value += strspn(value, " \t");
		value[strcspn(value, "\r\n")] = 0;
		bad = strcmp(at, "source") ? read_key(scene, at, value, why, why_len) : read_source(scene, value, why, why_len);
	}
	fclose(file);
	if (scene->n_devices == 0)
		snprintf(scene->serials[scene->n_devices++], sizeof scene->serials[0], "00000001");
	if (scene->n_devices < 0)
		scene->n_devices = 0;
	return bad;
}

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9E3779B97F4A7C15u);
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

int mixer_open(struct mixer *mixer, uint64_t seed)
{
	memset(mixer, 0, sizeof *mixer);
	mixer->rng = seed;
	mixer->noise = malloc(sizeof(float) * NOISE_LEN);
	if (!mixer->noise)
		return -1;
	for (int k = 0; k < NOISE_LEN; k += 2) { /* Box and Muller */
		double u = ((double)(next_random(&mixer->rng) >> 11) + 0.5) / 9007199254740992.0;
		double v = (double)(next_random(&mixer->rng) >> 11) / 9007199254740992.0;
		double r = sqrt(-2.0 * log(u));
		mixer->noise[k] = (float)(r * cos(2 * M_PI * v));
		mixer->noise[k + 1] = (float)(r * sin(2 * M_PI * v));
	}
	return 0;
}

void mixer_close(struct mixer *mixer)
{
	free(mixer->noise);
	mixer->noise = NULL;
}

void scene_skip(struct mixer *mixer, double seconds)
{
	mixer->time_s += seconds;
}

static double bessel_i0(double x)
{
	double sum = 1, term = 1;
	for (int k = 1; k < 40; k++) {
		term *= (x / (2 * k)) * (x / (2 * k));
		sum += term;
	}
	return sum;
}

/* The interpolation kernel for cutoff `cut` (of the source's rate, <= 0.5), PHASES + 1 rows of `*taps` weights. */
struct kernel {
	double cut;
	int taps;
	float *rows;
};

static const struct kernel *kernel_for(double cut)
{
	static _Thread_local struct kernel cache[CUTS + 1];
	struct kernel *kernel = &cache[lrint(2 * cut * CUTS)];
	if (kernel->rows)
		return kernel;
	int half = (int)ceil(ZERO_CROSSINGS * 0.5 / cut);
	if (2 * half > MAX_TAPS)
		half = MAX_TAPS / 2;
	kernel->cut = cut;
	kernel->taps = 2 * half;
	kernel->rows = malloc(sizeof(float) * (size_t)kernel->taps * (PHASES + 1));
	for (int p = 0; p <= PHASES; p++) {
		for (int t = 0; t < kernel->taps; t++) {
			double x = (double)(t - half + 1) - (double)p / PHASES;
			double s = fabs(x) < 1e-9 ? 1.0 : sin(2 * M_PI * cut * x) / (2 * M_PI * cut * x);
			double w = 1 - (x / half) * (x / half);
			kernel->rows[p * kernel->taps + t] = (float)(w > 0 ? 2 * cut * s * bessel_i0(8.0 * sqrt(w)) / bessel_i0(8.0) : 0);
		}
	}
	return kernel;
}

static inline void fetch(const struct source *s, int64_t k, float *i, float *q)
{
	k %= s->samples;
	if (k < 0)
		k += s->samples;
	if (s->format == 0) {
		const float *f = (const float *)s->data + 2 * k;
		*i = f[0];
		*q = f[1];
	} else if (s->format == 1) {
		const uint8_t *u = (const uint8_t *)s->data + 2 * k;
		*i = ((float)u[0] - 127.5f) / 127.5f;
		*q = ((float)u[1] - 127.5f) / 127.5f;
	} else {
		const int8_t *c = (const int8_t *)s->data + 2 * k;
		*i = (float)c[0] / 128.0f;
		*q = (float)c[1] / 128.0f;
	}
}

static int on_air(const struct source *s, double t)
{
	return t >= s->start_s && t < s->stop_s && !(s->period_s > 0 && fmod(t - s->start_s, s->period_s) >= s->on_s);
}

static void mix_source(const struct source *s, double t0, double step_s, double shift_hz, double rate_hz, float gain, float *out, int n)
{
	/* what the dongle's own filter lets through of the source, in the source's frequencies: its middle is turned to 0, the rest filtered
	 * out, the outcome interpolated and turned to where the dongle hears it */
	double low = fmax(-0.5 * s->rate_hz, -0.45 * rate_hz - shift_hz), high = fmin(0.5 * s->rate_hz, 0.45 * rate_hz - shift_hz);
	double steps = floor((high - low) / s->rate_hz * CUTS + 1e-9);
	if (steps < MIN_CUTS)
		return;
	const struct kernel *kernel = kernel_for(0.5 * steps / CUTS);
	int half = kernel->taps / 2;
	double turn = -0.5 * (low + high) / s->rate_hz, back = (shift_hz + 0.5 * (low + high)) / rate_hz;
	float win_i[MAX_TAPS + 4 * BLOCK], win_q[MAX_TAPS + 4 * BLOCK];
	for (int at = 0; at < n;) {
		int block = n - at < 256 ? n - at : 256;
		double first = (t0 + at * step_s) * s->rate_hz;
		int64_t k0 = (int64_t)floor(first) - half + 1;
		int span = (int)floor(block * step_s * s->rate_hz) + kernel->taps + 2;
		if (span > MAX_TAPS + 4 * BLOCK) {
			block = 16;
			span = (int)floor(block * step_s * s->rate_hz) + kernel->taps + 2;
			if (span > MAX_TAPS + 4 * BLOCK)
				return; /* a source over 200 times wider than the span: refused by the scene builder */
		}
		double angle = 2 * M_PI * fmod(turn * (double)k0, 1.0);
		double c = cos(angle), d = sin(angle), cs = cos(2 * M_PI * turn), sn = sin(2 * M_PI * turn);
		for (int k = 0; k < span; k++) {
			float i, q;
			fetch(s, k0 + k, &i, &q);
			win_i[k] = (float)(i * c - q * d);
			win_q[k] = (float)(i * d + q * c);
			double next = c * cs - d * sn;
			d = c * sn + d * cs;
			c = next;
		}
		/* by the scene's time, so that the phase goes on from block to block and call to call */
		double back_angle = 2 * M_PI * fmod(back * ((t0 / step_s) + at), 1.0);
		double bc = cos(back_angle), bd = sin(back_angle), bcs = cos(2 * M_PI * back), bsn = sin(2 * M_PI * back);
		for (int m = 0; m < block; m++) {
			double where = first + m * step_s * s->rate_hz;
			double whole = floor(where);
			const float *row = kernel->rows + (size_t)lrint((where - whole) * PHASES) * (size_t)kernel->taps;
			int base = (int)((int64_t)whole - half + 1 - k0);
			float i = 0, q = 0;
			for (int t = 0; t < kernel->taps; t++) {
				i += row[t] * win_i[base + t];
				q += row[t] * win_q[base + t];
			}
			float on = on_air(s, t0 + (at + m) * step_s) ? gain : 0.0f;
			out[2 * (at + m)] += on * (float)(i * bc - q * bd);
			out[2 * (at + m) + 1] += on * (float)(i * bd + q * bc);
			double next = bc * bcs - bd * bsn;
			bd = bc * bsn + bd * bcs;
			bc = next;
		}
		at += block;
	}
}

void scene_mix(const struct scene *scene, struct mixer *mixer, double center_hz, double rate_hz, double gain_db, float *out, int n)
{
	double fast = 1 + scene->ppm * 1e-6;
	double true_rate = rate_hz * fast, true_center = center_hz * fast, step = 1 / true_rate;
	float gain = (float)pow(10.0, gain_db / 20.0);
	float sigma = (float)sqrt(pow(10.0, scene->noise_dbfs_hz / 10.0) * rate_hz / 2.0) * gain;
	for (int at = 0; at < n; at += BLOCK) { /* a stretch of the table at a random place: no period shows */
		int block = n - at < BLOCK ? n - at : BLOCK;
		const float *noise = mixer->noise + next_random(&mixer->rng) % (NOISE_LEN - 2 * BLOCK);
		for (int k = 0; k < 2 * block; k++)
			out[2 * at + k] += sigma * noise[k];
	}
	for (int k = 0; k < scene->n_sources; k++) {
		const struct source *s = &scene->sources[k];
		double shift = s->freq_hz - true_center;
		if (fabs(shift) < (true_rate + s->rate_hz) / 2)
			mix_source(s, mixer->time_s, step, shift, true_rate, s->gain * gain, out, n);
	}
	for (int k = 0; k < n; k++) {
		out[2 * k] += (float)scene->dc_i;
		out[2 * k + 1] += (float)scene->dc_q;
	}
	mixer->time_s += n * step;
}
