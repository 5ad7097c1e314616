/* Lets a process whose wall clock libfaketime fakes sleep by the monotonic clock.
 *
 * Preloaded before libfaketime. Some of its releases, that of Debian 12 among them, move the end of
 * an absolute clock_nanosleep() by the fake offset even where the monotonic clock is not faked;
 * Python sleeps that way from 3.11 on, and fails with EINVAL. What is not absolute and monotonic
 * goes on to libfaketime.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *end, struct timespec *left) {
    static int (*next)(clockid_t, int, const struct timespec *, struct timespec *);
    if (!next)
        next = (int (*)(clockid_t, int, const struct timespec *, struct timespec *))dlsym(
            RTLD_NEXT, "clock_nanosleep");
    if (clock != CLOCK_MONOTONIC || !(flags & TIMER_ABSTIME)) return next(clock, flags, end, left);
    int before = errno;
    int result = syscall(SYS_clock_nanosleep, clock, flags, end, left) ? errno : 0;
    errno = before; /* it returns the error (POSIX), and sets nothing */
    return result;
}
