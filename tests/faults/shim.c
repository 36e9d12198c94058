/* Fails calls of the C library that touch files below one folder: the k-th, or from the k-th on.
 *
 * Loaded with LD_PRELOAD by the test that compiles it. FAULTS_FOLDER names the folder, FAULTS_CONTROL a file of five
 * 64-bit numbers in the machine's byte order, mapped and shared with the test:
 *   0 calls so far   1 fail this call, 0: none   2 errno   3 non-zero: and all after it   4 how many failed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic uint64_t *control;
static const char *folder;
static size_t length;

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("FAULTS_CONTROL");
  folder = getenv("FAULTS_FOLDER");
  if (!file || !folder) return;
  length = strlen(folder);
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  int fd = real(file, O_RDWR);
  if (fd < 0) return;
  void *shared = mmap(NULL, 5 * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared != MAP_FAILED) control = shared;
  close(fd);
}

static int below(const char *path) {
  return control && path && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int held(int fd) {
  char name[40], path[PATH_MAX];
  if (!control) return 0;
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t got = readlink(name, path, sizeof path - 1);
  if (got < 0) return 0;
  path[got] = 0;
  return below(path);
}

/* Whether this call fails. */
static int fails(void) {
  uint64_t call = ++control[0];
  uint64_t at = control[1];
  if (at == 0 || (control[3] ? call < at : call != at)) return 0;
  ++control[4];
  errno = (int)control[2];
  return 1;
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define BY_FD(type, name, params, args) \
  type name params { REAL(name); if (held(fd) && fails()) return -1; return real args; }
#define BY_PATH(type, name, params, args) \
  type name params { REAL(name); if (below(path) && fails()) return -1; return real args; }

BY_FD(ssize_t, write, (int fd, const void *bytes, size_t count), (fd, bytes, count))
BY_FD(ssize_t, pwrite, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at))
BY_FD(ssize_t, pwrite64, (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at))
BY_FD(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
BY_FD(int, fsync, (int fd), (fd))
BY_FD(int, fdatasync, (int fd), (fd))
BY_FD(int, ftruncate, (int fd, off_t to), (fd, to))
BY_FD(int, ftruncate64, (int fd, off64_t to), (fd, to))
BY_FD(int, sync_file_range, (int fd, off64_t at, off64_t count, unsigned how), (fd, at, count, how))
BY_PATH(int, rename, (const char *path, const char *to), (path, to))
BY_PATH(int, unlink, (const char *path), (path))
BY_PATH(int, mkdir, (const char *path, mode_t mode), (path, mode))

static mode_t mode_of(int flags, va_list rest) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

/* What is opened to be read only may fail unseen: it is no call that makes anything durable. */
static int writes(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;
}

#define OPENS(name) \
  int name(const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = mode_of(flags, rest); \
    va_end(rest); \
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name); \
    if (writes(flags) && below(path) && fails()) return -1; \
    return real(path, flags, mode); \
  }
OPENS(open)
OPENS(open64)
