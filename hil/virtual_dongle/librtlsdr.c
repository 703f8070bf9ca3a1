/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * librtlsdr's interface over a scene instead of a dongle: every function that Debian's 0.6 exports, and those that pyrtlsdr 0.5.1 asks for beside them.
 * The scene is named by the environment variable CANHSONG_VIRTUAL_DONGLE; without it there is no device. Return values follow the real library.
 */
#include "scene.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define API __attribute__((visibility("default")))
#define CHUNK 8192
#define XTAL_HZ 28800000u
#define ASYNC_BUFFERS 15
#define ASYNC_BYTES (16 * 32 * 512)

typedef struct rtlsdr_dev rtlsdr_dev_t;
typedef void (*rtlsdr_read_async_cb_t)(unsigned char *buf, uint32_t len, void *ctx);

enum { UNKNOWN, E4000, FC0012, FC0013, FC2580, R820T, R828D };
static const struct {
	uint32_t low_hz, high_hz, gap_low_hz, gap_high_hz;
} RANGE[] = {
	[UNKNOWN] = {0, 0, 0, 0},
	[E4000] = {52000000u, 2200000000u, 1100000000u, 1250000000u},
	[FC0012] = {22000000u, 948600000u, 0, 0},
	[FC0013] = {22000000u, 1100000000u, 0, 0},
	[FC2580] = {146000000u, 924000000u, 308000000u, 438000000u},
	[R820T] = {24000000u, 1766000000u, 0, 0},
	[R828D] = {24000000u, 1766000000u, 0, 0},
};
static const int GAINS_R82XX[] = {0, 9, 14, 27, 37, 77, 87, 125, 144, 157, 166, 197, 207, 229, 254,
				  280, 297, 328, 338, 364, 372, 386, 402, 421, 434, 439, 445, 480, 496};
static const int GAINS_E4000[] = {-10, 15, 40, 65, 90, 115, 140, 165, 190, 215, 240, 290, 340, 420};
static const int GAINS_OTHER[] = {0};
#define AUTOMATIC_GAIN_DB 30.0

struct rtlsdr_dev {
	struct mixer mixer;
	uint32_t index, freq_hz, heard_hz, rate_hz;
	double real_rate_hz;
	int corr, manual, gain_tenth_db, testmode, direct, bias_tee, agc;
	int gpio_out, gpio_bits;
	uint8_t counter;
	/* the stream: the sample at `began_s` is number 0, `next` comes next; before `old_until` it is heard at the old frequency, from `good_from`
	 * on at the new one, in between nowhere in particular; `gap` samples were lost behind the `held` ones that wait */
	double began_s;
	int64_t next, old_until, good_from, held, gap;
	int overload;
	_Atomic int cancel, running, gone;
	struct timespec control_seen;
	double cpu_s, reported_s;
	uint64_t served, lost;
	float *work;
	pthread_mutex_t lock;
};

static struct scene scene;
static int scene_state; /* 0 not read, 1 read, -1 none */

static int have_scene(void)
{
	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&once);
	if (scene_state == 0) {
		char why[600] = "";
		const char *path = getenv("CANHSONG_VIRTUAL_DONGLE");
		scene_state = path && *path && scene_read(path, &scene, why, sizeof why) == 0 ? 1 : -1;
		if (scene_state < 0 && path && *path)
			fprintf(stderr, "virtual dongle: %s: %s\n", path, why);
	}
	pthread_mutex_unlock(&once);
	return scene_state > 0;
}

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---------------------------------------------------------------- devices */

API uint32_t rtlsdr_get_device_count(void)
{
	struct stat st;
	char unplugged[560];
	if (!have_scene())
		return 0;
	snprintf(unplugged, sizeof unplugged, "%s.unplugged", scene.control);
	return scene.control[0] && stat(unplugged, &st) == 0 ? 0 : (uint32_t)scene.n_devices;
}

API const char *rtlsdr_get_device_name(uint32_t index)
{
	return index < rtlsdr_get_device_count() ? "Canh Song virtual dongle" : "";
}

API int rtlsdr_get_device_usb_strings(uint32_t index, char *manufact, char *product, char *serial)
{
	if (index >= rtlsdr_get_device_count())
		return -1;
	if (manufact)
		strcpy(manufact, "Canh Song");
	if (product)
		strcpy(product, "virtual dongle");
	if (serial)
		strcpy(serial, scene.serials[index]);
	return 0;
}

API int rtlsdr_get_index_by_serial(const char *serial)
{
	uint32_t n = rtlsdr_get_device_count();
	if (!serial)
		return -1;
	if (!n)
		return -2;
	for (uint32_t k = 0; k < n; k++)
		if (!strcmp(serial, scene.serials[k]))
			return (int)k;
	return -3;
}

API int rtlsdr_set_sample_rate(rtlsdr_dev_t *dev, uint32_t rate);

API int rtlsdr_open(rtlsdr_dev_t **out, uint32_t index)
{
	*out = NULL;
	if (index >= rtlsdr_get_device_count())
		return -1;
	if (scene.open_error) {
		if (scene.open_error == -3)
			fprintf(stderr, "Please fix the device permissions, e.g. by installing the udev rules file rtl-sdr.rules\n");
		fprintf(stderr, "usb_open error %d\n", scene.open_error);
		return scene.open_error;
	}
	rtlsdr_dev_t *dev = calloc(1, sizeof *dev);
	if (!dev || mixer_open(&dev->mixer, scene.seed + index) || !(dev->work = malloc(sizeof(float) * 2 * CHUNK))) {
		free(dev);
		return -ENOMEM;
	}
	pthread_mutex_init(&dev->lock, NULL);
	dev->index = index;
	dev->rate_hz = 2048000;
	dev->real_rate_hz = 2048000;
	dev->began_s = seconds(CLOCK_MONOTONIC);
	fprintf(stderr, "Found virtual tuner %d\n", scene.tuner);
	*out = dev;
	return 0;
}

static void report(rtlsdr_dev_t *dev)
{
	char name[520];
	if (!scene.report[0])
		return;
	snprintf(name, sizeof name, "%s.new", scene.report);
	FILE *file = fopen(name, "w");
	if (!file)
		return;
	fprintf(file, "{\"served_samples\": %llu, \"lost_samples\": %llu, \"cpu_s\": %.6f, \"scene_time_s\": %.9f, \"center_hz\": %u}\n",
		(unsigned long long)dev->served, (unsigned long long)dev->lost, dev->cpu_s, dev->mixer.time_s, dev->freq_hz);
	fclose(file);
	rename(name, scene.report);
	dev->reported_s = seconds(CLOCK_MONOTONIC);
}

API int rtlsdr_close(rtlsdr_dev_t *dev)
{
	if (!dev)
		return -1;
	report(dev);
	mixer_close(&dev->mixer);
	free(dev->work);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
	return 0;
}

API int rtlsdr_get_usb_strings(rtlsdr_dev_t *dev, char *manufact, char *product, char *serial)
{
	return dev ? rtlsdr_get_device_usb_strings(dev->index, manufact, product, serial) : -1;
}

API int rtlsdr_read_eeprom(rtlsdr_dev_t *dev, uint8_t *data, uint8_t offset, uint16_t len)
{
	(void)data, (void)offset, (void)len;
	return dev ? -3 : -1; /* as a dongle without an EEPROM answers */
}

API int rtlsdr_write_eeprom(rtlsdr_dev_t *dev, uint8_t *data, uint8_t offset, uint16_t len)
{
	return rtlsdr_read_eeprom(dev, data, offset, len);
}

/* ---------------------------------------------------------------- tuning */

static double corrected(const rtlsdr_dev_t *dev, double hz)
{
	/* the driver tunes as if the crystal were fast by `corr`: what it asks of the tuner is smaller by that */
	hz /= 1 + dev->corr * 1e-6;
	return scene.pll_step_hz > 0 ? scene.pll_step_hz * floor(hz / scene.pll_step_hz + 0.5) : hz;
}

/* The number of the sample that comes in now, when the dongle keeps pace with the clock. */
static int64_t coming(const rtlsdr_dev_t *dev)
{
	return (int64_t)((seconds(CLOCK_MONOTONIC) - dev->began_s) * dev->real_rate_hz);
}

static void sleep_s(double s)
{
	if (s > 0)
		nanosleep(&(struct timespec){.tv_sec = (time_t)s, .tv_nsec = (long)((s - floor(s)) * 1e9)}, NULL);
}

/* The tuner's registers are written one by one over USB and I2C before the real function returns: that is what a retune takes. The old
 * frequency is heard up to the call; what the chip's FIFO took in by then still comes. */
API int rtlsdr_set_center_freq(rtlsdr_dev_t *dev, uint32_t freq)
{
	if (!dev)
		return -1;
	pthread_mutex_lock(&dev->lock);
	int deaf = freq < RANGE[scene.tuner].low_hz || freq > RANGE[scene.tuner].high_hz ||
		   (freq > RANGE[scene.tuner].gap_low_hz && freq < RANGE[scene.tuner].gap_high_hz);
	if (deaf) {
		fprintf(stderr, "[virtual tuner] PLL not locked!\n");
		dev->freq_hz = 0;
	} else {
		dev->freq_hz = freq;
		if (dev->next >= dev->good_from) /* else a retune is still under way: it began then */
			dev->old_until = !dev->heard_hz ? dev->next : scene.paced ? coming(dev) : dev->next + scene.fifo_samples;
		dev->good_from = INT64_MAX;
	}
	pthread_mutex_unlock(&dev->lock);
	if (deaf)
		return -1;
	if (scene.paced)
		sleep_s(scene.retune_s);
	pthread_mutex_lock(&dev->lock);
	int64_t settled = (int64_t)(scene.settle_s * dev->real_rate_hz), retuned = (int64_t)(scene.retune_s * dev->real_rate_hz);
	int64_t from = dev->old_until > dev->next ? dev->old_until : dev->next;
	dev->good_from = scene.paced ? coming(dev) + settled : from + retuned + settled;
	pthread_mutex_unlock(&dev->lock);
	return 0;
}

API uint32_t rtlsdr_get_center_freq(rtlsdr_dev_t *dev)
{
	return dev ? dev->freq_hz : 0;
}

API int rtlsdr_set_freq_correction(rtlsdr_dev_t *dev, int ppm)
{
	if (!dev)
		return -1;
	if (dev->corr == ppm)
		return -2;
	dev->corr = ppm;
	return dev->freq_hz ? rtlsdr_set_center_freq(dev, dev->freq_hz) : 0;
}

API int rtlsdr_get_freq_correction(rtlsdr_dev_t *dev)
{
	return dev ? dev->corr : 0;
}

API int rtlsdr_set_xtal_freq(rtlsdr_dev_t *dev, uint32_t rtl_freq, uint32_t tuner_freq)
{
	(void)rtl_freq, (void)tuner_freq;
	return dev ? 0 : -1;
}

API int rtlsdr_get_xtal_freq(rtlsdr_dev_t *dev, uint32_t *rtl_freq, uint32_t *tuner_freq)
{
	if (!dev)
		return -1;
	if (rtl_freq)
		*rtl_freq = XTAL_HZ;
	if (tuner_freq)
		*tuner_freq = XTAL_HZ;
	return 0;
}

API int rtlsdr_set_sample_rate(rtlsdr_dev_t *dev, uint32_t rate)
{
	if (!dev)
		return -1;
	if (rate <= 225000 || rate > 3200000 || (rate > 300000 && rate <= 900000)) {
		fprintf(stderr, "Invalid sample rate: %u Hz\n", rate);
		return -EINVAL;
	}
	/* the resampler's ratio has 22 fractional bits, the lowest two are not kept */
	uint32_t ratio = (uint32_t)((double)XTAL_HZ * 4194304.0 / rate) & 0x0ffffffcu;
	uint32_t real = ratio | ((ratio & 0x08000000u) << 1);
	pthread_mutex_lock(&dev->lock);
	dev->real_rate_hz = (double)XTAL_HZ * 4194304.0 / real;
	dev->rate_hz = (uint32_t)dev->real_rate_hz;
	dev->began_s = seconds(CLOCK_MONOTONIC);
	dev->next = dev->old_until = dev->good_from = dev->held = dev->gap = 0;
	pthread_mutex_unlock(&dev->lock);
	return 0;
}

API uint32_t rtlsdr_get_sample_rate(rtlsdr_dev_t *dev)
{
	return dev ? dev->rate_hz : 0;
}

/* ---------------------------------------------------------------- gain and switches */

API int rtlsdr_get_tuner_type(rtlsdr_dev_t *dev)
{
	return dev ? scene.tuner : UNKNOWN;
}

static const int *gain_table(int *n)
{
	if (scene.tuner == R820T || scene.tuner == R828D) {
		*n = sizeof GAINS_R82XX / sizeof *GAINS_R82XX;
		return GAINS_R82XX;
	}
	if (scene.tuner == E4000) {
		*n = sizeof GAINS_E4000 / sizeof *GAINS_E4000;
		return GAINS_E4000;
	}
	*n = 1;
	return GAINS_OTHER;
}

API int rtlsdr_get_tuner_gains(rtlsdr_dev_t *dev, int *gains)
{
	int n;
	if (!dev)
		return -1;
	const int *table = gain_table(&n);
	if (gains)
		memcpy(gains, table, (size_t)n * sizeof *table);
	return n;
}

API int rtlsdr_set_tuner_gain(rtlsdr_dev_t *dev, int gain)
{
	int n;
	if (!dev)
		return -1;
	const int *table = gain_table(&n);
	dev->gain_tenth_db = table[n - 1];
	for (int k = n - 1; k >= 0; k--) /* the smallest step not below what was asked */
		if (table[k] >= gain)
			dev->gain_tenth_db = table[k];
	return 0;
}

API int rtlsdr_get_tuner_gain(rtlsdr_dev_t *dev)
{
	return dev ? dev->gain_tenth_db : 0;
}

API int rtlsdr_set_tuner_gain_mode(rtlsdr_dev_t *dev, int manual)
{
	if (dev)
		dev->manual = manual;
	return dev ? 0 : -1;
}

API int rtlsdr_set_tuner_if_gain(rtlsdr_dev_t *dev, int stage, int gain)
{
	(void)stage, (void)gain;
	return dev ? 0 : -1;
}

API int rtlsdr_set_tuner_bandwidth(rtlsdr_dev_t *dev, uint32_t bw)
{
	(void)bw;
	return dev ? 0 : -1;
}

API int rtlsdr_set_testmode(rtlsdr_dev_t *dev, int on)
{
	if (dev)
		dev->testmode = on;
	return dev ? 0 : -1;
}

API int rtlsdr_set_agc_mode(rtlsdr_dev_t *dev, int on)
{
	if (dev)
		dev->agc = on;
	return dev ? 0 : -1;
}

API int rtlsdr_set_direct_sampling(rtlsdr_dev_t *dev, int on)
{
	if (dev)
		dev->direct = on;
	return dev ? 0 : -1;
}

API int rtlsdr_get_direct_sampling(rtlsdr_dev_t *dev)
{
	return dev ? dev->direct : -1;
}

API int rtlsdr_set_offset_tuning(rtlsdr_dev_t *dev, int on)
{
	(void)on;
	return !dev ? -1 : scene.tuner == R820T || scene.tuner == R828D ? -2 : 0;
}

API int rtlsdr_get_offset_tuning(rtlsdr_dev_t *dev)
{
	return dev ? 0 : -1;
}

API int rtlsdr_set_dithering(rtlsdr_dev_t *dev, int on)
{
	(void)on;
	return dev ? 0 : -1;
}

API int rtlsdr_set_gpio_output(rtlsdr_dev_t *dev, uint8_t gpio)
{
	if (dev)
		dev->gpio_out |= 1 << (gpio & 7);
	return dev ? 0 : -1;
}

API int rtlsdr_set_gpio_input(rtlsdr_dev_t *dev, uint8_t gpio)
{
	if (dev)
		dev->gpio_out &= ~(1 << (gpio & 7));
	return dev ? 0 : -1;
}

API int rtlsdr_set_gpio_bit(rtlsdr_dev_t *dev, uint8_t gpio, int val)
{
	if (dev)
		dev->gpio_bits = (dev->gpio_bits & ~(1 << (gpio & 7))) | (!!val << (gpio & 7));
	return dev ? 0 : -1;
}

API int rtlsdr_get_gpio_bit(rtlsdr_dev_t *dev, uint8_t gpio, int *val)
{
	if (dev && val)
		*val = dev->gpio_bits >> (gpio & 7) & 1;
	return dev ? 0 : -1;
}

API int rtlsdr_set_gpio_byte(rtlsdr_dev_t *dev, int val)
{
	if (dev)
		dev->gpio_bits = val & 0xff;
	return dev ? 0 : -1;
}

API int rtlsdr_get_gpio_byte(rtlsdr_dev_t *dev, int *val)
{
	if (dev && val)
		*val = dev->gpio_bits;
	return dev ? 0 : -1;
}

API int rtlsdr_set_gpio_status(rtlsdr_dev_t *dev, int *status)
{
	if (dev && status)
		*status = dev->gpio_out;
	return dev ? 0 : -1;
}

API int rtlsdr_set_bias_tee_gpio(rtlsdr_dev_t *dev, int gpio, int on)
{
	if (!dev)
		return -1;
	dev->bias_tee = on;
	return rtlsdr_set_gpio_bit(dev, (uint8_t)gpio, on);
}

API int rtlsdr_set_bias_tee(rtlsdr_dev_t *dev, int on)
{
	return rtlsdr_set_bias_tee_gpio(dev, 0, on);
}

/* ---------------------------------------------------------------- commands from outside */

/* Let samples go by unheard. */
static void pass(rtlsdr_dev_t *dev, int64_t samples)
{
	scene_skip(&dev->mixer, (double)samples / dev->real_rate_hz);
	dev->counter = (uint8_t)(dev->counter + 2 * samples);
	dev->next += samples;
}

static void lose(rtlsdr_dev_t *dev, int64_t samples)
{
	pass(dev, samples);
	dev->lost += (uint64_t)samples;
}

/* The control file holds one command; it is obeyed once each time the file changes. */
static void obey(rtlsdr_dev_t *dev)
{
	struct stat st;
	char word[32] = "";
	double value = 0;
	if (!scene.control[0] || stat(scene.control, &st) != 0)
		return;
	if (st.st_mtim.tv_sec == dev->control_seen.tv_sec && st.st_mtim.tv_nsec == dev->control_seen.tv_nsec)
		return;
	dev->control_seen = st.st_mtim;
	FILE *file = fopen(scene.control, "r");
	if (!file)
		return;
	int n = fscanf(file, "%31s %lf", word, &value);
	fclose(file);
	if (n < 1)
		return;
	if (!strcmp(word, "lose"))
		lose(dev, (int64_t)value); /* they take their time, as any */
	else if (!strcmp(word, "overload"))
		dev->overload = value != 0;
	else if (!strcmp(word, "ppm"))
		scene.ppm = value; /* the crystal warms up */
	else if (!strcmp(word, "noise_dbfs_hz"))
		scene.noise_dbfs_hz = value; /* somebody pulls the antenna out, or plugs it in */
	else if (!strcmp(word, "unplug")) {
		char name[560];
		snprintf(name, sizeof name, "%s.unplugged", scene.control);
		FILE *mark = fopen(name, "w"); /* plugged in again when somebody removes it */
		if (mark)
			fclose(mark);
		dev->gone = 1;
	} else if (!strcmp(word, "hang")) {
		double until = seconds(CLOCK_MONOTONIC) + (value > 0 ? value : 1e9);
		while (seconds(CLOCK_MONOTONIC) < until)
			nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
}

/* ---------------------------------------------------------------- samples */

static void quantise(rtlsdr_dev_t *dev, const float *in, uint8_t *out, int n)
{
	float scale = dev->overload ? 127.5f * 30.0f : 127.5f;
	for (int k = 0; k < 2 * n; k++) {
		float v = in[k] * scale + 128.0f; /* + 0.5 to round: the quantiser's centre is 127.5 */
		out[k] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
}

static void make(rtlsdr_dev_t *dev, uint8_t *out, int n)
{
	double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	double gain_db = dev->manual ? dev->gain_tenth_db / 10.0 : AUTOMATIC_GAIN_DB;
	for (int at = 0; at < n;) {
		int block = n - at < CHUNK ? n - at : CHUNK;
		int64_t at_once = dev->next < dev->old_until ? dev->old_until - dev->next : dev->next < dev->good_from ? dev->good_from - dev->next : block;
		if (block > at_once)
			block = (int)at_once;
		int settling = dev->next >= dev->old_until && dev->next < dev->good_from;
		if (dev->next >= dev->old_until)
			dev->heard_hz = dev->freq_hz;
		if (dev->testmode) {
			for (int k = 0; k < 2 * block; k++)
				out[2 * at + k] = dev->counter++;
			scene_skip(&dev->mixer, block / dev->real_rate_hz);
		} else {
			memset(dev->work, 0, sizeof(float) * 2 * (size_t)block);
			/* while the loop settles the oscillator sweeps: what is heard then lies elsewhere */
			double heard = corrected(dev, dev->heard_hz) + (settling ? 3e6 : 0);
			scene_mix(&scene, &dev->mixer, heard, dev->real_rate_hz, gain_db, dev->work, block);
			quantise(dev, dev->work, out + 2 * at, block);
		}
		dev->next += block;
		at += block;
	}
	dev->served += (uint64_t)n;
	dev->cpu_s += seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

/* Note what a reader that comes late has lost: the first `room` samples since the last read wait, those after them up to now are gone. */
static void overflow(rtlsdr_dev_t *dev, int64_t room)
{
	int64_t waiting = coming(dev) - dev->next - dev->gap;
	if (!scene.paced || waiting <= room)
		return;
	if (!dev->gap)
		dev->held = room;
	dev->gap += waiting - room;
}

/* Make n samples, what waits first. */
static void serve(rtlsdr_dev_t *dev, uint8_t *out, int n)
{
	while (dev->gap && n > 0) {
		int first = n < dev->held ? n : (int)dev->held;
		make(dev, out, first);
		out += 2 * first, n -= first, dev->held -= first;
		if (!dev->held) {
			lose(dev, dev->gap);
			dev->gap = 0;
		}
	}
	make(dev, out, n);
}

/* Wait until the sample before number `end` has come. */
static void keep_pace(const rtlsdr_dev_t *dev, int64_t end)
{
	if (scene.paced)
		sleep_s(dev->began_s + (double)end / dev->real_rate_hz - seconds(CLOCK_MONOTONIC));
}

API int rtlsdr_reset_buffer(rtlsdr_dev_t *dev)
{
	if (!dev)
		return -1;
	pthread_mutex_lock(&dev->lock);
	/* the FIFO is emptied: what comes next comes in now, settled or not */
	int64_t waiting = scene.paced ? coming(dev) - dev->next : dev->old_until - dev->next;
	if (waiting > 0 && scene.paced)
		pass(dev, waiting);
	else if (waiting > 0)
		dev->good_from -= waiting, dev->old_until = dev->next;
	dev->held = dev->gap = 0;
	pthread_mutex_unlock(&dev->lock);
	return 0;
}

API int rtlsdr_read_sync(rtlsdr_dev_t *dev, void *buf, int len, int *n_read)
{
	if (!dev)
		return -1;
	obey(dev);
	if (dev->gone)
		return -4; /* no device */
	if (seconds(CLOCK_MONOTONIC) > dev->reported_s + 1)
		report(dev);
	pthread_mutex_lock(&dev->lock);
	overflow(dev, scene.fifo_samples); /* between two reads no transfer is under way: the chip's own FIFO is all there is */
	serve(dev, buf, len / 2);          /* ahead of time, so that the processor's time is not the dongle's */
	int64_t end = dev->next;
	pthread_mutex_unlock(&dev->lock);
	keep_pace(dev, end);
	if (n_read)
		*n_read = len;
	return 0;
}

API int rtlsdr_read_async(rtlsdr_dev_t *dev, rtlsdr_read_async_cb_t cb, void *ctx, uint32_t buf_num, uint32_t buf_len)
{
	if (!dev)
		return -1;
	if (dev->running)
		return -2;
	uint32_t bytes = buf_len > 0 && buf_len % 512 == 0 ? buf_len : ASYNC_BYTES;
	int64_t buffered = (int64_t)(buf_num ? buf_num : ASYNC_BUFFERS) * bytes / 2;
	uint8_t *buffer = malloc(bytes);
	if (!buffer)
		return -ENOMEM;
	dev->cancel = 0;
	dev->running = 1;
	while (!dev->cancel && !dev->gone) {
		obey(dev);
		pthread_mutex_lock(&dev->lock);
		overflow(dev, buffered);
		int64_t end = dev->next + (int64_t)(bytes / 2);
		pthread_mutex_unlock(&dev->lock);
		keep_pace(dev, end); /* before they are made: a retune meanwhile is heard in them */
		pthread_mutex_lock(&dev->lock);
		serve(dev, buffer, (int)(bytes / 2));
		pthread_mutex_unlock(&dev->lock);
		if (!dev->cancel && !dev->gone && cb)
			cb(buffer, bytes, ctx);
	}
	free(buffer);
	dev->running = 0;
	return dev->gone ? -5 : 0;
}

API int rtlsdr_wait_async(rtlsdr_dev_t *dev, rtlsdr_read_async_cb_t cb, void *ctx)
{
	return rtlsdr_read_async(dev, cb, ctx, 0, 0);
}

API int rtlsdr_cancel_async(rtlsdr_dev_t *dev)
{
	if (!dev)
		return -1;
	if (!dev->running)
		return -2;
	dev->cancel = 1;
	return 0;
}
