/* Writes down every change a process makes to the files of one folder, and when it asks for them to
 * be on disk, so that the state after a power cut at any moment can be worked out afterwards.
 *
 * Preloaded (LD_PRELOAD); POWERCUT_FOLDER is the folder, POWERCUT_JOURNAL the file written to,
 * which lies elsewhere. The journal is a sequence of records: struct header, then `length` bytes.
 * A change and its record are one step: no other change comes between. fsync and fdatasync are only
 * written down, since what they promise is decided by whoever reads the journal. Changes by other
 * calls (mapped memory, writev, stdio) are not seen; the reader finds that out by comparing files.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct header {
    uint32_t magic;
    uint32_t op;
    uint64_t file;   /* inode */
    uint64_t offset;
    uint64_t length; /* of what follows */
};

enum { MAGIC = 0x31435750 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_length;
static int journal = -1;

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int real_open(const char *path, int flags, mode_t mode) {
    REAL(int, "open64", const char *, int, ...);
    return real(path, flags, mode);
}

static ssize_t real_write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return real(fd, data, size);
}

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("POWERCUT_FOLDER"), *file = getenv("POWERCUT_JOURNAL");
    if (!name || !file || !realpath(name, folder)) return;
    folder_length = strlen(folder);
    int fd = real_open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    /* Far up, where a program that closes what it did not open will not look. */
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 800);
    if (high >= 0) close(fd), fd = high;
    journal = fd;
}

static int inside(const char *path) {
    return journal >= 0 && !strncmp(path, folder, folder_length) &&
           (path[folder_length] == '/' || !path[folder_length]);
}

/* The path of an open file; 0 where it is not one of ours. */
static int path_of(int fd, char *path) {
    char link[64];
    if (journal < 0 || fd == journal) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return inside(path);
}

/* The path as the folder's is: the folder it is in resolved, the name itself left alone. */
static int path_at(int at, const char *name, char *path) {
    char full[PATH_MAX], base[PATH_MAX], where[PATH_MAX] = "";
    if (journal < 0 || !name || !*name || strlen(name) >= PATH_MAX) return 0;
    if (name[0] != '/' && at != AT_FDCWD) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t size = readlink(link, where, PATH_MAX - 1);
        if (size < 0) return 0;
        where[size] = 0;
    }
    if (snprintf(full, sizeof full, "%s%s%s", where, *where ? "/" : "", name) >= PATH_MAX) return 0;
    char *slash = strrchr(full, '/');
    snprintf(base, sizeof base, "%s", slash ? slash + 1 : full);
    if (slash == full) full[1] = 0;
    else if (slash) *slash = 0;
    else strcpy(full, ".");
    char *folder_of = realpath(full, NULL);
    if (!folder_of) return 0;
    int size = snprintf(path, PATH_MAX, "%s/%s", folder_of, base);
    free(folder_of);
    return size < PATH_MAX && inside(path);
}

static void note(char op, uint64_t file, uint64_t offset, const void *data, size_t length) {
    struct header header = {MAGIC, (uint32_t)op, file, offset, length};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)data, length}};
    int before = errno;
    if (writev(journal, parts, 2) != (ssize_t)(sizeof header + length)) abort();
    errno = before;
}

static uint64_t file_of(int fd) {
    struct stat about;
    return fstat(fd, &about) ? 0 : (uint64_t)about.st_ino;
}

/* -- opening ---------------------------------------------------------------------------------- */

static int opened(int at, const char *name, int flags, mode_t mode) {
    REAL(int, "openat64", int, const char *, int, ...);
    char path[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !path_at(at, name, path))
        return real(at, name, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat about;
    int there = !lstat(path, &about);
    int fd = real(at, name, flags, mode);
    if (fd >= 0 && !there) note('C', file_of(fd), 0, path, strlen(path));
    else if (fd >= 0 && (flags & O_TRUNC)) note('T', file_of(fd), 0, "", 0);
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN(name, parameters, at, more) \
    int name parameters { \
        mode_t mode = 0; \
        if (flags & O_CREAT) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        return opened(at, path, flags | more, mode); \
    }

OPEN(open, (const char *path, int flags, ...), AT_FDCWD, 0)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, O_LARGEFILE)
OPEN(openat, (int at, const char *path, int flags, ...), at, 0)
OPEN(openat64, (int at, const char *path, int flags, ...), at, O_LARGEFILE)

int creat(const char *path, mode_t mode) {
    return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* -- changing --------------------------------------------------------------------------------- */

ssize_t write(int fd, const void *data, size_t size) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return real_write(fd, data, size);
    pthread_mutex_lock(&lock);
    ssize_t written = real_write(fd, data, size);
    if (written > 0) note('W', file_of(fd), lseek(fd, 0, SEEK_CUR) - written, data, written);
    pthread_mutex_unlock(&lock);
    return written;
}

static ssize_t written_at(int fd, const void *data, size_t size, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    char path[PATH_MAX];
    if (!path_of(fd, path)) return real(fd, data, size, offset);
    pthread_mutex_lock(&lock);
    ssize_t written = real(fd, data, size, offset);
    if (written > 0) note('W', file_of(fd), offset, data, written);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return written_at(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return written_at(fd, data, size, offset);
}

static int shortened(int fd, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    char path[PATH_MAX];
    if (!path_of(fd, path)) return real(fd, size);
    pthread_mutex_lock(&lock);
    int failed = real(fd, size);
    if (!failed) note('T', file_of(fd), size, "", 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int ftruncate(int fd, off_t size) { return shortened(fd, size); }
int ftruncate64(int fd, off64_t size) { return shortened(fd, size); }

/* -- asking for it to be on disk -------------------------------------------------------------- */

static int synced(int fd, const char *name) {
    char path[PATH_MAX];
    struct stat about;
    if (!path_of(fd, path) || fstat(fd, &about)) {
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
        return real(fd);
    }
    pthread_mutex_lock(&lock);
    if (S_ISDIR(about.st_mode)) note('D', about.st_ino, 0, path, strlen(path));
    else note('S', about.st_ino, 0, "", 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }

/* -- names ------------------------------------------------------------------------------------ */

static int removed(int at, const char *name, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    char path[PATH_MAX];
    if (!path_at(at, name, path) || (flags & AT_REMOVEDIR)) return real(at, name, flags);
    pthread_mutex_lock(&lock);
    int failed = real(at, name, flags);
    if (!failed) note('U', 0, 0, path, strlen(path));
    pthread_mutex_unlock(&lock);
    return failed;
}

int unlink(const char *name) { return removed(AT_FDCWD, name, 0); }
int unlinkat(int at, const char *name, int flags) { return removed(at, name, flags); }

static int renamed(int from_at, const char *from, int to_at, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    char both[2 * PATH_MAX], target[PATH_MAX];
    if (!path_at(from_at, from, both) || !path_at(to_at, to, target))
        return real(from_at, from, to_at, to);
    pthread_mutex_lock(&lock);
    int failed = real(from_at, from, to_at, to);
    size_t first = strlen(both) + 1;
    strcpy(both + first, target);
    if (!failed) note('R', 0, 0, both, first + strlen(target));
    pthread_mutex_unlock(&lock);
    return failed;
}

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to); }

int renameat(int from_at, const char *from, int to_at, const char *to) {
    return renamed(from_at, from, to_at, to);
}
