/* A disk that fails, or a process that dies, at the n-th call on files below one folder.
 *
 * Preloaded (LD_PRELOAD) it stands between a program and the C library. What it does is said in a
 * file, which `failing_disk.py` writes and every process with the same environment maps: calls are
 * counted across all of them, and faults can be switched on while the program runs. Without the
 * environment variable KINODEX_FAILING_DISK it does nothing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kinds of calls; the same numbers stand in failing_disk.py. */
enum {
    OPEN = 1, CREATE = 2, READ = 4, WRITE = 8, SYNC = 16, RENAME = 32, TRUNCATE = 64, FOLDER = 128,
    REMOVE = 256, LOOK = 512, LIST = 1024, MAP = 2048, CLOSE = 4096, ATTRIBUTES = 8192,
};

struct plan {
    int64_t kinds;   /* which calls count; 0: none */
    int64_t count;   /* calls so far */
    int64_t first;   /* the first call that fails, from 1; 0: none does */
    int64_t last;    /* the last one that does */
    int64_t error;   /* errno of those that fail; 0: the process is killed instead */
    int64_t process; /* the only process whose calls count; 0: all do */
    int64_t failed;  /* how many have failed */
    char folder[4040];
};

static struct plan *plan;

__attribute__((constructor)) static void find_plan(void)
{
    const char *file = getenv("KINODEX_FAILING_DISK");
    if (file == NULL)
        return;
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
    if (descriptor < 0)
        return;
    void *place = (void *)syscall(SYS_mmap, NULL, sizeof(struct plan), PROT_READ | PROT_WRITE,
                                  MAP_SHARED, descriptor, 0);
    syscall(SYS_close, descriptor);
    if (place != MAP_FAILED)
        plan = place;
}

static int lies_below(const char *path)
{
    size_t length = strlen(plan->folder);
    return strncmp(path, plan->folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int named(int descriptor, char *name)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    long length = syscall(SYS_readlink, link, name, PATH_MAX);
    if (length <= 0)
        return 0;
    name[length] = 0;
    return name[0] == '/';
}

static int fails(int kind)
{
    int64_t number = __atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST);
    if (number < plan->first || number > plan->last)
        return 0;
    __atomic_add_fetch(&plan->failed, 1, __ATOMIC_SEQ_CST);
    if (plan->error == 0)
        kill(getpid(), SIGKILL);
    (void)kind;
    errno = (int)plan->error;
    return 1;
}

static int counts(int kind)
{
    return plan != NULL && (plan->kinds & kind) != 0
        && (plan->process == 0 || plan->process == getpid());
}

static int path_fails(int kind, int folder, const char *path)
{
    if (path == NULL || !counts(kind))
        return 0;
    int before = errno;
    char whole[2 * PATH_MAX + 2], start[PATH_MAX + 1];
    if (path[0] != '/') {
        if (folder == AT_FDCWD ? getcwd(start, sizeof start) == NULL : !named(folder, start))
            return 0;
        snprintf(whole, sizeof whole, "%s/%s", start, path);
        path = whole;
    }
    int below = lies_below(path);
    errno = before;
    return below && fails(kind);
}

static int file_fails(int kind, int descriptor)
{
    if (!counts(kind))
        return 0;
    int before = errno;
    char name[PATH_MAX + 1];
    int below = named(descriptor, name) && lies_below(name);
    errno = before;
    return below && fails(kind);
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (real == NULL) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* A call of one kind on an open file, or on a path, that gives -1 when it fails. */
#define ON_FILE(result, name, kind, parameters, arguments) \
    result name parameters { REAL(name); return file_fails(kind, file) ? -1 : real arguments; }
#define ON_PATH(result, name, kind, folder, parameters, arguments) \
    result name parameters { REAL(name); \
        return path_fails(kind, folder, path) ? -1 : real arguments; }

/* Opening makes a file only where there is none. */
static int opening(int folder, const char *path, int flags)
{
    if ((flags & O_CREAT) && syscall(SYS_faccessat, folder, path, F_OK) != 0)
        return CREATE;
    return OPEN;
}

#define OPENING(name, folder, parameters, ...) \
    int name parameters { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        int before = errno, kind = plan ? opening(folder, path, flags) : OPEN; \
        errno = before; \
        return path_fails(kind, folder, path) ? -1 : real(__VA_ARGS__, flags, mode); \
    }
OPENING(open, AT_FDCWD, (const char *path, int flags, ...), path)
OPENING(open64, AT_FDCWD, (const char *path, int flags, ...), path)
OPENING(openat, folder, (int folder, const char *path, int flags, ...), folder, path)
OPENING(openat64, folder, (int folder, const char *path, int flags, ...), folder, path)

ON_FILE(ssize_t, read, READ, (int file, void *to, size_t size), (file, to, size))
ON_FILE(ssize_t, pread, READ, (int file, void *to, size_t n, off_t at), (file, to, n, at))
ON_FILE(ssize_t, pread64, READ, (int file, void *to, size_t n, off64_t at), (file, to, n, at))
ON_FILE(ssize_t, readv, READ, (int file, const struct iovec *to, int n), (file, to, n))

/* A full disk takes a part first: the first of several failing writes is cut short. */
static size_t taken(int file, size_t size)
{
    int64_t next = plan ? plan->count + 1 : 0;
    if (size < 2 || !counts(WRITE) || plan->error != ENOSPC || next != plan->first
        || plan->last <= plan->first)
        return 0;
    char name[PATH_MAX + 1];
    if (!named(file, name) || !lies_below(name))
        return 0;
    __atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST);
    return size / 2;
}

#define WRITING(name, parameters, ...) \
    ssize_t name parameters { \
        REAL(name); \
        size_t part = taken(file, size); \
        if (part == 0 && file_fails(WRITE, file)) \
            return -1; \
        if (part != 0) \
            size = part; \
        return real(__VA_ARGS__); \
    }
WRITING(write, (int file, const void *from, size_t size), file, from, size)
WRITING(pwrite, (int file, const void *from, size_t size, off_t at), file, from, size, at)
WRITING(pwrite64, (int file, const void *from, size_t size, off64_t at), file, from, size, at)
ON_FILE(ssize_t, writev, WRITE, (int file, const struct iovec *from, int n), (file, from, n))
ON_FILE(ssize_t, sendfile, WRITE, (int file, int from, off_t *at, size_t n), (file, from, at, n))
ON_FILE(ssize_t, sendfile64, WRITE, (int file, int from, off64_t *at, size_t n),
        (file, from, at, n))

ssize_t copy_file_range(int from, off64_t *at, int file, off64_t *to, size_t size, unsigned flags)
{
    REAL(copy_file_range);
    if (file_fails(READ, from) || file_fails(WRITE, file))
        return -1;
    return real(from, at, file, to, size, flags);
}

ON_FILE(int, fsync, SYNC, (int file), (file))
ON_FILE(int, fdatasync, SYNC, (int file), (file))
ON_FILE(int, ftruncate, TRUNCATE, (int file, off_t size), (file, size))
ON_FILE(int, ftruncate64, TRUNCATE, (int file, off64_t size), (file, size))
ON_FILE(int, fallocate, TRUNCATE, (int file, int how, off_t at, off_t size), (file, how, at, size))
ON_FILE(int, fchmod, ATTRIBUTES, (int file, mode_t mode), (file, mode))
ON_FILE(int, futimens, ATTRIBUTES, (int file, const struct timespec t[2]), (file, t))
ON_PATH(int, chmod, ATTRIBUTES, AT_FDCWD, (const char *path, mode_t mode), (path, mode))
ON_PATH(int, utimensat, ATTRIBUTES, folder,
        (int folder, const char *path, const struct timespec t[2], int flags),
        (folder, path, t, flags))
ON_PATH(int, mkdir, FOLDER, AT_FDCWD, (const char *path, mode_t mode), (path, mode))
ON_PATH(int, mkdirat, FOLDER, folder, (int folder, const char *path, mode_t m), (folder, path, m))
ON_PATH(int, unlink, REMOVE, AT_FDCWD, (const char *path), (path))
ON_PATH(int, unlinkat, REMOVE, folder, (int folder, const char *path, int f), (folder, path, f))
ON_PATH(int, rmdir, REMOVE, AT_FDCWD, (const char *path), (path))
ON_PATH(int, stat, LOOK, AT_FDCWD, (const char *path, struct stat *to), (path, to))
ON_PATH(int, stat64, LOOK, AT_FDCWD, (const char *path, struct stat64 *to), (path, to))
ON_PATH(int, lstat, LOOK, AT_FDCWD, (const char *path, struct stat *to), (path, to))
ON_PATH(int, lstat64, LOOK, AT_FDCWD, (const char *path, struct stat64 *to), (path, to))
ON_PATH(int, access, LOOK, AT_FDCWD, (const char *path, int how), (path, how))

/* An empty path asks of the open file itself. */
#define LOOKING(name, kind) \
    int name(int folder, const char *path, struct kind *to, int flags) { \
        REAL(name); \
        return path && path[0] && path_fails(LOOK, folder, path) ? -1 \
            : real(folder, path, to, flags); \
    }
LOOKING(fstatat, stat)
LOOKING(fstatat64, stat64)

#define RENAMING(name, parameters, arguments, from_folder, to_folder) \
    int name parameters { \
        REAL(name); \
        return path_fails(RENAME, to_folder, path) ? -1 : real arguments; \
    }
RENAMING(rename, (const char *from, const char *path), (from, path), AT_FDCWD, AT_FDCWD)
RENAMING(renameat, (int a, const char *from, int b, const char *path), (a, from, b, path), a, b)
RENAMING(link, (const char *from, const char *path), (from, path), AT_FDCWD, AT_FDCWD)
RENAMING(symlink, (const char *from, const char *path), (from, path), AT_FDCWD, AT_FDCWD)

int close(int file)
{
    REAL(close);
    int failed = file_fails(CLOSE, file), error = errno;
    int result = real(file); /* a file is closed whatever that gives */
    if (failed)
        errno = error;
    return failed ? -1 : result;
}

#define MAPPING(name, offset) \
    void *name(void *at, size_t size, int how, int flags, int file, offset from) { \
        REAL(name); \
        if (file >= 0 && file_fails(MAP, file)) \
            return MAP_FAILED; \
        return real(at, size, how, flags, file, from); \
    }
MAPPING(mmap, off_t)
MAPPING(mmap64, off64_t)

DIR *opendir(const char *path)
{
    REAL(opendir);
    return path_fails(LIST, AT_FDCWD, path) ? NULL : real(path);
}

#define LISTING(name, entry) \
    struct entry *name(DIR *folder) { \
        REAL(name); \
        return file_fails(LIST, dirfd(folder)) ? NULL : real(folder); \
    }
LISTING(readdir, dirent)
LISTING(readdir64, dirent64)

/* The C library's own files do not come by the calls above. */
#define STREAM(name) \
    FILE *name(const char *path, const char *how) { \
        REAL(name); \
        int kind = how[0] == 'r' ? OPEN : CREATE; \
        return path_fails(kind, AT_FDCWD, path) ? NULL : real(path, how); \
    }
STREAM(fopen)
STREAM(fopen64)

size_t fread(void *to, size_t size, size_t count, FILE *file)
{
    REAL(fread);
    return file_fails(READ, fileno(file)) ? 0 : real(to, size, count, file);
}

size_t fwrite(const void *from, size_t size, size_t count, FILE *file)
{
    REAL(fwrite);
    return file_fails(WRITE, fileno(file)) ? 0 : real(from, size, count, file);
}
