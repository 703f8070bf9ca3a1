/* LD_PRELOAD: the system's clock, moved by as many seconds as stand in the file $CLOCK_SHIM. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	int answer = real(clock, t);
	if (clock == CLOCK_REALTIME && answer == 0) {
		FILE *file = fopen(getenv("CLOCK_SHIM"), "r");
		long moved = 0;
		if (file) {
			if (fscanf(file, "%ld", &moved) == 1)
				t->tv_sec += moved;
			fclose(file);
		}
	}
	return answer;
}
