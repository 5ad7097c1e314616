/* Shows a process a wall clock that is off by what a shared file says.
 *
 * LINESIDE_CLOCK_OFFSET names the file: eight bytes, nanoseconds to be added, native byte order. A
 * step is seen at once, by every thread. Clocks that nobody sets (monotonic, boot time, CPU time),
 * whatever waits by them, and file times stay true.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

typedef int (*reads)(clockid_t, struct timespec *);

static _Atomic int64_t *offset;
static reads real;

__attribute__((constructor)) static void open_offset(void) {
    real = (reads)dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("LINESIDE_CLOCK_OFFSET");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *shared = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) offset = shared;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    /* Others' constructors may ask before ours has run. */
    int failed = real ? real(clock, at) : (int)syscall(SYS_clock_gettime, clock, at);
    if (failed || !offset || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return failed;
    int64_t shown = at->tv_sec * SECOND + at->tv_nsec + atomic_load(offset);
    at->tv_sec = shown / SECOND - (shown % SECOND < 0);
    at->tv_nsec = shown - at->tv_sec * SECOND;
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (!clock_gettime(CLOCK_REALTIME, &now)) {
        at->tv_sec = now.tv_sec;
        at->tv_usec = now.tv_nsec / 1000;
    }
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *at, int base) {
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, at) ? base : 0;
}
