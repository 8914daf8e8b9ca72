/* What runs in a container of a replay: process 1, and the only program of the image.
 *
 *     work KEY=VALUE...
 *
 * It waits at a gate: it prints the limits that it finds around itself, then `ready`, and works only after a line `go` on its
 * standard input. That input is also a dead man's pipe: when it closes, whoever watched over the work is gone, and
 * the process ends, which ends all processes of its namespace. The deadline ends it in any case; every process has it.
 *
 *     deadline=S       seconds from `go` after which every process of the container ends; must be given
 *     threads=N        threads that compute
 *     duty=P           for so many thousandths of the time each (1000)
 *     work=S           until they have used so many CPU seconds together; then the container ends
 *     hold=BYTES       memory that is taken at once, every page written
 *     leak=BYTES       memory that is taken a second, after that
 *     most=BYTES       memory at which the leak stops; must be given with leak
 *     child=1          memory is taken by a child
 *     forks=N          children that sleep; where one is refused the container ends with 2, as a shell does
 *     bomb=N           children that compute, each of which starts the next two, N in all at most
 *     evict=FILE       take a file out of the page cache
 *     read=FILE        read it, its first `bytes` bytes
 *     bytes=N
 *     spin=N           count to N, and print the seconds that took: by the wall and of the CPU
 *     slack=N          sleep N times for 1 ms, and print the seconds that it took longer, in the mean
 *     after=S          end so long after `go`
 *     code=N           exit code at the end (0)
 *
 * Exit codes of its own: 2 a fork was refused, 64 an argument is wrong, 124 deadline, 125 nobody watches, 126 no memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REFUSED = 2, USAGE = 64, LATE = 124, ALONE = 125, NO_MEMORY = 126, GATE_S = 60, PERIOD_NS = 10000000, LEAK_MS = 50 };

struct plan {
    double deadline, threads, duty, work, hold, leak, most, child, forks, bomb, bytes, spin, slack, after, code;
    const char *evict, *read;
};

static struct plan plan = {.duty = 1000, .code = 0};
static volatile sig_atomic_t asked_to_stop;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#include <stdarg.h>
static void say(const char *format, ...) {
    char text[512];
    va_list given;
    va_start(given, format);
    int length = vsnprintf(text, sizeof text, format, given);
    va_end(given);
    if (length > (int)sizeof text - 1) length = sizeof text - 1;
    if (write(1, text, length) < 0) _exit(ALONE);
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* Process 1 is sent no signal whose default is to end it: each needs a handler. */
static void late(int number) {
    (void)number;
    _exit(LATE);
}

static void stop(int number) {
    (void)number;
    asked_to_stop = 1;
}

/* ---------------------------------------------------------------------------------------------- the gate */

static void tell_file(const char *name, const char *path) {
    char text[200];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    int length = read(file, text, sizeof text - 1);
    close(file);
    if (length < 0) return;
    text[length] = 0;
    text[strcspn(text, "\n")] = 0;
    say("found %s %s\n", name, text);
}

static void tell_status(void) {
    static const char *const wanted[] = {"Uid", "Gid", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"};
    char text[4096];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC), length = file < 0 ? -1 : (int)read(file, text, sizeof text - 1);
    if (length < 0) return;
    close(file);
    text[length] = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
            size_t size = strlen(wanted[i]);
            if (!strncmp(line, wanted[i], size) && line[size] == ':') {
                line[size] = 0;
                say("found %s %s\n", line, line + size + 2);
            }
        }
}

static void tell_links(void) {
    char line[256];
    int links = 0;
    FILE *file = fopen("/proc/net/dev", "re");
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        char *name = line + strspn(line, " ");
        if (colon && strncmp(name, "lo:", 3)) links++;
    }
    fclose(file);
    say("found links %d\n", links);
}

static void tell_limits(void) {
    static const char *const files[][2] = {
        {"v1.pids.max", "/sys/fs/cgroup/pids/pids.max"},
        {"v1.memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"},
        {"v1.memory.memsw.limit_in_bytes", "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"},
        {"v1.cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"},
        {"v1.cpu.cfs_period_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"},
        {"v1.cpu.shares", "/sys/fs/cgroup/cpu/cpu.shares"},
        {"v1.cpuset.cpus", "/sys/fs/cgroup/cpuset/cpuset.cpus"},
        {"v2.pids.max", "/sys/fs/cgroup/pids.max"},
        {"v2.memory.max", "/sys/fs/cgroup/memory.max"},
        {"v2.memory.swap.max", "/sys/fs/cgroup/memory.swap.max"},
        {"v2.cpu.max", "/sys/fs/cgroup/cpu.max"},
        {"v2.cpu.weight", "/sys/fs/cgroup/cpu.weight"},
        {"v2.cpuset.cpus", "/sys/fs/cgroup/cpuset.cpus"},
        {"oom_score_adj", "/proc/self/oom_score_adj"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) tell_file(files[i][0], files[i][1]);
    tell_status();
    tell_links();
    struct rlimit core;
    getrlimit(RLIMIT_CORE, &core);
    say("found core %lld\n", (long long)core.rlim_max);
    int file = open("/written", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    say("found root %s\n", file >= 0 ? "writable" : errno == EROFS ? "read-only" : "unwritable");
    if (file >= 0) close(file), unlink("/written");
}

static void wait_at_gate(void) {
    char text[8];
    tell_limits();
    say("ready\n");
    alarm(GATE_S);
    ssize_t length = read(0, text, sizeof text);
    if (length < 3 || strncmp(text, "go\n", 3)) _exit(ALONE);
    alarm((unsigned)(plan.deadline + 0.999));
}

/* ---------------------------------------------------------------------------------------------- the work */

static void inherit(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm((unsigned)(plan.deadline + 0.999)); /* a child has no alarm of its parent's */
}

static void count_to(unsigned long long most) {
    for (volatile unsigned long long i = 0; i < most; i++) {}
}

static pthread_barrier_t together;

static void *compute(void *unused) {
    (void)unused;
    pthread_barrier_wait(&together);
    const double busy = PERIOD_NS / 1e9 * plan.duty / 1000;
    double due = now(CLOCK_THREAD_CPUTIME_ID); /* what is used past it in one period is taken off the next */
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        due += busy;
        while (plan.duty >= 1000 || now(CLOCK_THREAD_CPUTIME_ID) < due) {
            count_to(50000); /* some 0.1 ms: asking the clock costs little beside it */
            if (plan.work > 0 && now(CLOCK_PROCESS_CPUTIME_ID) >= plan.work) return NULL;
        }
        next.tv_nsec += PERIOD_NS;
        if (next.tv_nsec >= 1000000000) next.tv_nsec -= 1000000000, next.tv_sec++;
        struct timespec here;
        clock_gettime(CLOCK_MONOTONIC, &here);
        if (here.tv_sec > next.tv_sec || (here.tv_sec == next.tv_sec && here.tv_nsec > next.tv_nsec))
            next = here, due = now(CLOCK_THREAD_CPUTIME_ID);
        else
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}

static pthread_t *start_threads(int count) {
    pthread_t *made = calloc(count, sizeof *made);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    pthread_barrier_init(&together, NULL, count);
    for (int i = 0; i < count; i++)
        if (pthread_create(&made[i], &small, compute, NULL)) _exit(REFUSED);
    return made;
}

static void take(unsigned long long bytes) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(NO_MEMORY);
    madvise(memory, bytes, MADV_NOHUGEPAGE); /* charged page by page, as most programs' heaps */
    for (unsigned long long i = 0; i < bytes; i += 4096) memory[i] = 1;
}

/* Milliseconds until memory is due again; -1: never. */
static int leak_on(void) {
    static double began, taken;
    if (plan.leak <= 0) return -1;
    if (!began) began = now(CLOCK_MONOTONIC);
    double due = (now(CLOCK_MONOTONIC) - began) * plan.leak;
    if (due > plan.most - plan.hold) due = plan.most - plan.hold;
    unsigned long long pages = due > taken ? (unsigned long long)((due - taken) / 4096) : 0;
    if (pages) take(pages * 4096), taken += pages * 4096.0;
    return due >= plan.most - plan.hold ? -1 : LEAK_MS;
}

static pid_t child(void) {
    pid_t pid = fork();
    if (pid < 0) {
        say("refused %d\n", errno);
        _exit(REFUSED);
    }
    if (pid == 0) inherit();
    return pid;
}

static void sleep_for_ever(void) {
    for (;;) pause();
}

/* Each computes and starts two more, as long as there are fewer than `most` and none is refused. Where a start is
 * refused it tries again, as bombs do. They are nice to process 1, which must hear that nobody watches any more. */
static void explode(int most) {
    int *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (count == MAP_FAILED) _exit(NO_MEMORY);
    if (child()) return;
    setpriority(PRIO_PROCESS, 0, 19);
    __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
    for (int started = 0;;) {
        if (started < 2 && __atomic_load_n(count, __ATOMIC_RELAXED) < most) {
            pid_t pid = fork();
            if (pid == 0) {
                inherit();
                started = 0;
                if (__atomic_add_fetch(count, 1, __ATOMIC_RELAXED) > most) _exit(0);
            } else if (pid > 0) {
                started++;
            }
        }
        count_to(100000);
    }
}

static void read_file(void) {
    static char text[65536];
    unsigned long long left = plan.bytes;
    int file = open(plan.read, O_RDONLY | O_CLOEXEC);
    if (file < 0) _exit(USAGE);
    posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM); /* no more than what is asked for */
    while (left) {
        ssize_t length = read(file, text, left < sizeof text ? left : sizeof text);
        if (length <= 0) break;
        left -= length;
    }
    close(file);
    say("read %llu\n", (unsigned long long)plan.bytes - left);
}

static void evict_file(void) {
    int file = open(plan.evict, O_RDONLY | O_CLOEXEC);
    if (file < 0) _exit(USAGE);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
    say("evicted\n");
}

static void spin(void) {
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_THREAD_CPUTIME_ID);
    count_to((unsigned long long)plan.spin);
    say("spun %.6f %.6f\n", now(CLOCK_MONOTONIC) - wall, now(CLOCK_THREAD_CPUTIME_ID) - cpu);
}

static void doze(void) {
    double began = now(CLOCK_MONOTONIC);
    struct timespec millisecond = {.tv_nsec = 1000000};
    for (int i = 0; i < (int)plan.slack; i++) nanosleep(&millisecond, NULL);
    say("late %.9f\n", (now(CLOCK_MONOTONIC) - began) / plan.slack - 0.001);
}

static void take_memory(void) {
    if (plan.hold <= 0 && plan.leak <= 0) return;
    if (plan.child > 0) {
        if (child()) return;
        if (plan.hold > 0) take((unsigned long long)plan.hold);
        say("held\n");
        for (;;) poll(NULL, 0, leak_on());
    }
    if (plan.hold > 0) take((unsigned long long)plan.hold);
    say("held\n");
}

/* Watch: the pipe, the end of the work, the children. Leak meanwhile. */
static void watch(double began, pthread_t *threads) {
    for (;;) {
        int wait_ms = plan.child > 0 ? -1 : leak_on();
        double left = plan.after > 0 ? plan.after - (now(CLOCK_MONOTONIC) - began) : 1e6;
        if (asked_to_stop) _exit(128 + SIGTERM);
        if (left <= 0) return;
        if (threads && plan.work > 0) {
            int ended = 0;
            for (int i = 0; i < (int)plan.threads; i++) ended += !pthread_tryjoin_np(threads[i], NULL);
            if (ended) return; /* all have seen the same clock */
            wait_ms = 5;
        }
        if (wait_ms < 0 || left * 1000 < wait_ms) wait_ms = left > 1000 ? 1000 : (int)(left * 1000) + 1;
        struct pollfd pipe = {.fd = 0, .events = POLLIN};
        if (poll(&pipe, 1, wait_ms) > 0) {
            char text[16];
            if (read(0, text, sizeof text) <= 0) _exit(ALONE);
        }
        for (int status; waitpid(-1, &status, WNOHANG) > 0;)
            if (WIFSIGNALED(status)) say("killed %d\n", WTERMSIG(status));
    }
}

static void read_plan(int count, char **words) {
    static const struct {
        const char *key;
        double *number;
        const char **text;
    } known[] = {
        {"deadline", &plan.deadline, 0}, {"threads", &plan.threads, 0}, {"duty", &plan.duty, 0},   {"work", &plan.work, 0},
        {"hold", &plan.hold, 0},         {"leak", &plan.leak, 0},       {"most", &plan.most, 0},   {"child", &plan.child, 0},
        {"forks", &plan.forks, 0},       {"bomb", &plan.bomb, 0},       {"bytes", &plan.bytes, 0}, {"spin", &plan.spin, 0},
        {"slack", &plan.slack, 0},       {"after", &plan.after, 0},     {"code", &plan.code, 0},
        {"evict", 0, &plan.evict},       {"read", 0, &plan.read},
    };
    for (int i = 1; i < count; i++) {
        char *value = strchr(words[i], '=');
        size_t k = 0;
        if (!value) _exit(USAGE);
        *value++ = 0;
        while (k < sizeof known / sizeof *known && strcmp(known[k].key, words[i])) k++;
        if (k == sizeof known / sizeof *known) _exit(USAGE);
        if (known[k].text) *known[k].text = value;
        else *known[k].number = strtod(value, NULL);
    }
    if (plan.deadline <= 0 || plan.deadline > 1e6 || (plan.leak > 0 && plan.most <= 0)) _exit(USAGE);
}

int main(int count, char **words) {
    struct sigaction action = {.sa_handler = late};
    sigaction(SIGALRM, &action, NULL);
    action.sa_handler = stop;
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    read_plan(count, words);
    wait_at_gate();
    double began = now(CLOCK_MONOTONIC);
    say("began %.6f\n", began);
    if (plan.evict) evict_file();
    if (plan.read) read_file();
    if (plan.spin > 0) spin();
    if (plan.slack > 0) doze();
    take_memory();
    double forking = now(CLOCK_MONOTONIC);
    for (int i = 0; i < (int)plan.forks; i++)
        if (child() == 0) sleep_for_ever();
    if (plan.forks > 0) say("forked %.6f\n", now(CLOCK_MONOTONIC) - forking);
    if (plan.bomb > 0) explode((int)plan.bomb);
    pthread_t *threads = plan.threads > 0 ? start_threads((int)plan.threads) : NULL;
    watch(began, threads);
    say("ended %.6f %.6f\n", now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID));
    return (int)plan.code;
}
