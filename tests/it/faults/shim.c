/*
 * Between the program and the files of one database: writes down what is done to them, in order, and makes calls fail
 * when the test says so. It is preloaded into the program.
 *
 * A sync is written down and never carried out: what a power cut leaves is for the test to choose, not for this
 * machine's disk, and so a test takes no longer than its program.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Shared with the test, which writes all of it but the last. */
struct control {
    uint64_t room;        /* bytes by which the files may still grow; all ones: without end */
    uint64_t files;       /* whose calls fail: 1 the log's file, 2 its write-ahead log, 4 the views' files */
    uint64_t skip_writes; /* so many writes to them go well first */
    uint64_t fail_writes; /* then so many fail */
    uint64_t skip_syncs;
    uint64_t fail_syncs;
    uint64_t put_back;    /* whether a file reads after a failed sync as it did at the last good one */
    uint64_t failed;      /* how many calls have failed */
};

enum kind { WRITE = 1, TRUNCATE, SYNC, LOST, UNLINK, RENAME, SYNC_DIRECTORY, PUT_BACK };

/* A record of the trace: this, the file's name beyond the database's, and the data. All of it is little-endian. */
struct head {
    uint32_t kind;
    uint32_t name;
    uint64_t offset;
    uint64_t data;
};

/* What a file held before a write that no sync has made good. */
struct undo {
    struct undo *before;
    char name[64];
    off_t offset;
    size_t length;
    char bytes[];
};

enum place { UNKNOWN, ELSEWHERE, HERE, DIRECTORY };
enum { FILES = 65536, LOG = 1, WAL = 2, VIEW = 4 };

static struct { char place; char name[64]; } files[FILES];
static pthread_mutex_t alone = PTHREAD_MUTEX_INITIALIZER;
static const char *database;
static char directory[PATH_MAX];
static struct control *control;
static struct undo *undos;
static int trace = -1;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);
static int (*real_close)(int);

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        fprintf(stderr, "shim: there is no %s\n", name);
        abort();
    }
    return found;
}

static const char *needed(const char *name) {
    const char *value = getenv(name);
    if (!value) {
        fprintf(stderr, "shim: %s is not set\n", name);
        abort();
    }
    return value;
}

__attribute__((constructor)) static void start(void) {
    real_write = real("write");
    real_pwrite = real("pwrite64");
    real_ftruncate = real("ftruncate64");
    real_fsync = real("fsync");
    real_fdatasync = real("fdatasync");
    real_unlink = real("unlink");
    real_rename = real("rename");
    real_close = real("close");
    database = needed("FAULTS_DATABASE");
    snprintf(directory, sizeof directory, "%s", database);
    char *slash = strrchr(directory, '/');
    if (slash) *slash = 0;
    trace = open(needed("FAULTS_TRACE"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int shared = open(needed("FAULTS_CONTROL"), O_RDWR | O_CLOEXEC);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
    if (trace < 0 || control == MAP_FAILED) {
        perror("shim: the trace or the control file");
        abort();
    }
    real_close(shared);
}

/* The part of a path that goes on after the database's own; none for other files, and for those that outlive nothing. */
static const char *beyond(const char *path) {
    size_t length = strlen(database);
    if (strncmp(path, database, length) != 0) return NULL;
    const char *name = path + length, *last = strrchr(name, '-');
    if (last && (!strcmp(last, "-shm") || !strcmp(last, "-lock"))) return NULL;
    return strlen(name) < sizeof files->name ? name : NULL;
}

static enum place where(int fd) {
    if (!database || fd < 0 || fd >= FILES) return ELSEWHERE;
    if (files[fd].place == UNKNOWN) {
        char link[32], path[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        path[length < 0 ? 0 : length] = 0;
        const char *name = beyond(path);
        if (name) snprintf(files[fd].name, sizeof files->name, "%s", name);
        files[fd].place = name ? HERE : strcmp(path, directory) ? ELSEWHERE : DIRECTORY;
    }
    return files[fd].place;
}

static int is_meant(const char *name) {
    unsigned kind = !strcmp(name, "-wal") ? WAL : strncmp(name, "-g", 2) ? LOG : VIEW;
    return (control->files & kind) != 0;
}

static int fails(uint64_t *skip, uint64_t *fail, const char *name) {
    if (!is_meant(name) || !*fail) return 0;
    if (*skip) return --*skip, 0;
    --*fail;
    control->failed++;
    return 1;
}

static void put_down(enum kind kind, const char *name, off_t offset, const void *data, size_t length) {
    struct head head = {kind, strlen(name), offset, length};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)name, head.name}, {(void *)data, length}};
    if (writev(trace, parts, 3) != (ssize_t)(sizeof head + head.name + length)) {
        perror("shim: the trace");
        abort();
    }
}

/* Remembers what the file holds where it is about to be written. */
static void remember(int fd, const char *name, size_t length, off_t offset) {
    struct undo *undo = calloc(1, sizeof *undo + length);
    if (!undo) abort();
    snprintf(undo->name, sizeof undo->name, "%s", name);
    undo->offset = offset;
    undo->length = length;
    /* What lies beyond the end reads as zeros. */
    if (pread(fd, undo->bytes, length, offset) < 0) {
        /* It is open for writing alone, and so is no file of the database's. */
    }
    undo->before = undos;
    undos = undo;
}

/* Forgets what was remembered of a file, and puts it back where that is asked for, the newest first. */
static void forget(int fd, const char *name, int put_back) {
    for (struct undo **at = &undos; *at;) {
        struct undo *undo = *at;
        if (strcmp(undo->name, name)) {
            at = &undo->before;
            continue;
        }
        if (put_back) {
            if (real_pwrite(fd, undo->bytes, undo->length, undo->offset) != (ssize_t)undo->length) abort();
            put_down(PUT_BACK, name, undo->offset, undo->bytes, undo->length);
        }
        *at = undo->before;
        free(undo);
    }
}

static ssize_t write_here(int fd, const void *bytes, size_t count, off_t offset, int moves) {
    const char *name = files[fd].name;
    if (fails(&control->skip_writes, &control->fail_writes, name)) return errno = EIO, -1;
    struct stat now;
    if (fstat(fd, &now)) return -1;
    uint64_t end = offset + count, size = now.st_size, grows = end > size ? end - size : 0;
    if (control->room != UINT64_MAX && grows) {
        uint64_t lacks = grows > control->room ? grows - control->room : 0;
        if (lacks >= count) return control->failed++, errno = ENOSPC, -1;
        count -= lacks;
        control->room -= grows - lacks;
    }
    remember(fd, name, count, offset);
    ssize_t written = moves ? real_write(fd, bytes, count) : real_pwrite(fd, bytes, count, offset);
    if (written > 0) put_down(WRITE, name, offset, bytes, written);
    return written;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (!real_write) real_write = real("write");
    if (where(fd) != HERE) return real_write(fd, bytes, count);
    pthread_mutex_lock(&alone);
    ssize_t written = write_here(fd, bytes, count, lseek(fd, 0, SEEK_CUR), 1);
    int error = errno;
    pthread_mutex_unlock(&alone);
    return errno = error, written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) {
    if (!real_pwrite) real_pwrite = real("pwrite64");
    if (where(fd) != HERE) return real_pwrite(fd, bytes, count, offset);
    pthread_mutex_lock(&alone);
    ssize_t written = write_here(fd, bytes, count, offset, 0);
    int error = errno;
    pthread_mutex_unlock(&alone);
    return errno = error, written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return pwrite64(fd, bytes, count, offset);
}

int ftruncate64(int fd, off_t length) {
    if (!real_ftruncate) real_ftruncate = real("ftruncate64");
    if (where(fd) != HERE) return real_ftruncate(fd, length);
    pthread_mutex_lock(&alone);
    int done = real_ftruncate(fd, length), error = errno;
    if (!done) put_down(TRUNCATE, files[fd].name, length, NULL, 0);
    pthread_mutex_unlock(&alone);
    return errno = error, done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int sync_here(int fd) {
    int done = 0;
    pthread_mutex_lock(&alone);
    const char *name = files[fd].place == DIRECTORY ? "" : files[fd].name;
    if (files[fd].place == DIRECTORY) {
        put_down(SYNC_DIRECTORY, name, 0, NULL, 0);
    } else if (fails(&control->skip_syncs, &control->fail_syncs, name)) {
        put_down(LOST, name, 0, NULL, 0);
        forget(fd, name, control->put_back != 0);
        done = -1;
    } else {
        put_down(SYNC, name, 0, NULL, 0);
        forget(fd, name, 0);
    }
    pthread_mutex_unlock(&alone);
    if (done) errno = EIO;
    return done;
}

int fsync(int fd) {
    if (!real_fsync) real_fsync = real("fsync");
    return where(fd) < HERE ? real_fsync(fd) : sync_here(fd);
}

int fdatasync(int fd) {
    if (!real_fdatasync) real_fdatasync = real("fdatasync");
    return where(fd) < HERE ? real_fdatasync(fd) : sync_here(fd);
}

int unlink(const char *path) {
    if (!real_unlink) real_unlink = real("unlink");
    const char *name = database ? beyond(path) : NULL;
    if (!name) return real_unlink(path);
    pthread_mutex_lock(&alone);
    int done = real_unlink(path), error = errno;
    if (!done) {
        put_down(UNLINK, name, 0, NULL, 0);
        forget(-1, name, 0);
    }
    pthread_mutex_unlock(&alone);
    return errno = error, done;
}

int rename(const char *from, const char *to) {
    if (!real_rename) real_rename = real("rename");
    const char *name = database ? beyond(from) : NULL, *other = database ? beyond(to) : NULL;
    if (!name || !other) return real_rename(from, to);
    pthread_mutex_lock(&alone);
    int done = real_rename(from, to), error = errno;
    if (!done) put_down(RENAME, name, 0, other, strlen(other));
    pthread_mutex_unlock(&alone);
    return errno = error, done;
}

int close(int fd) {
    if (!real_close) real_close = real("close");
    if (fd >= 0 && fd < FILES) files[fd].place = UNKNOWN;
    return real_close(fd);
}
