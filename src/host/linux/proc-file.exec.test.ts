import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { compile, hasProgram } from './partner.test-support.ts';

/** What a daemon looks at while a client may be in execve; see the top of proc-file.ts. */
const SERVER_AND_CLIENT = `
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A FUSE server with one file, and a client of it that calls execve while the file is open (close-on-exec). Tells what
 * another process can look at while a request of the client is unanswered:
 *
 *   flush    the FUSE_FLUSH of execve itself, sent with exec_update_lock held
 *   blocked  a thread waits in an ioctl of ours, and another thread has begun execve
 */

static int fuse;
static char buffer[1 << 17];
static char directory[] = "/tmp/ubinder-exec-XXXXXX";
static char path[64];
static int file;
static volatile int blocked_tid;

static void answer(unsigned long unique, int error, void *data, int size) {
  struct fuse_out_header head = {sizeof head + size, error, unique};
  struct iovec parts[2] = {{&head, sizeof head}, {data, size}};
  if (writev(fuse, parts, 2) < 0) perror("answer");
}

static void *wait_in_ioctl(void *unused) {
  blocked_tid = gettid();
  ioctl(file, 0, 0);
  return unused;
}

static int client(void) {
  char *args[] = {"/bin/sleep", "2", NULL};
  file = open(path, O_RDWR | O_CLOEXEC);
  pthread_t thread;
  pthread_create(&thread, NULL, wait_in_ioctl, NULL);
  usleep(200000);
  execv(args[0], args);
  return 1;
}

static const char *const things[] = {
    "status", "comm", "fdinfo", "fdinfo/0", "uid_map", "mountinfo", "opened maps", "pidfd",
    "maps", "exe", "ns/pid", "ns/user", "attr/current", "process_vm_readv", "pidfd_getfd",
    "mem", "stat", "ptrace"};

static int look(const char *thing, int pid, int maps) {
  char name[64], data[256];
  snprintf(name, sizeof name, "/proc/%d/%s", pid, thing);
  if (!strcmp(thing, "exe") || !strncmp(thing, "ns/", 3)) return readlink(name, data, sizeof data);
  if (!strcmp(thing, "fdinfo")) return readdir(opendir(name)) != NULL;
  if (!strcmp(thing, "opened maps")) {
    unsigned long query[13] = {104, 0x10};
    ioctl(maps, 0xC0686611, query);
    return pread(maps, data, sizeof data, 0);
  }
  if (!strcmp(thing, "process_vm_readv")) {
    struct iovec local = {data, 8}, remote = {(void *)4096, 8};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0);
  }
  if (!strcmp(thing, "ptrace")) return ptrace(PTRACE_SEIZE, pid, 0, 0);
  if (!strcmp(thing, "pidfd") || !strcmp(thing, "pidfd_getfd")) {
    int pidfd = syscall(434, pid, 0200);
    struct pollfd poller = {pidfd, POLLIN, 0};
    poll(&poller, 1, 0);
    if (strcmp(thing, "pidfd")) return syscall(438, pidfd, 0, 0);
    return pidfd;
  }
  int fd = open(name, O_RDONLY);
  return read(fd, data, sizeof data);
}

static void look_at_all(const char *when, int pid, int maps) {
  for (unsigned i = 0; i < sizeof things / sizeof *things; i++) {
    fflush(stdout);
    pid_t looker = fork();
    if (looker == 0) {
      look(things[i], pid, maps);
      _exit(0);
    }
    int waited = 0;
    while (waitpid(looker, NULL, WNOHANG) == 0 && waited++ < 40) usleep(5000);
    printf("%s,%s,%s\\n", when, things[i], waited > 40 ? "waits" : "safe");
    if (waited > 40) {
      kill(looker, SIGKILL);
      waitpid(looker, NULL, 0);
    }
  }
  fflush(stdout);
}

int main(void) {
  unshare(CLONE_NEWNS);
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  if (!mkdtemp(directory)) return 1;
  snprintf(path, sizeof path, "%s/file", directory);
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  char options[64];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
  if (fuse < 0 || mount("x", directory, "fuse", MS_NOSUID | MS_NODEV, options)) {
    perror("mount");
    rmdir(directory);
    return 1;
  }
  pid_t pid = fork();
  if (pid == 0) {
    close(fuse);
    return client();
  }
  int maps = -1, done = 0;
  unsigned long parked = 0;
  while (!done && read(fuse, buffer, sizeof buffer) > 0) {
    struct fuse_in_header *in = (void *)buffer;
    if (in->opcode == FUSE_INIT) {
      struct fuse_init_out out = {.major = 7, .minor = 31, .max_write = 4096};
      answer(in->unique, 0, &out, sizeof out);
    } else if (in->opcode == FUSE_LOOKUP) {
      struct fuse_entry_out out = {.nodeid = 7, .attr = {.ino = 7, .mode = S_IFREG | 0666, .nlink = 1}};
      answer(in->unique, 0, &out, sizeof out);
    } else if (in->opcode == FUSE_OPEN) {
      struct fuse_open_out out = {.fh = 1};
      char name[64];
      snprintf(name, sizeof name, "/proc/%d/maps", pid);
      maps = open(name, O_RDONLY);
      answer(in->unique, 0, &out, sizeof out);
    } else if (in->opcode == FUSE_IOCTL) {
      parked = in->unique;
      blocked_tid = in->pid;
    } else if (in->opcode == FUSE_INTERRUPT) {
      look_at_all("blocked", blocked_tid, maps);
      struct fuse_ioctl_out out = {.result = -EINTR};
      answer(parked, 0, &out, sizeof out);
    } else if (in->opcode == FUSE_FLUSH) {
      look_at_all("flush", pid, maps);
      answer(in->unique, 0, NULL, 0);
      done = 1;
    } else if (in->opcode != FUSE_FORGET) {
      answer(in->unique, -ENOSYS, NULL, 0);
    }
  }
  kill(pid, SIGKILL);
  close(fuse);
  waitpid(pid, NULL, 0);
  umount2(directory, MNT_DETACH);
  rmdir(directory);
  return 0;
}
`;

/** Looked at whatever the process is doing: thread-watch.ts, file-flags.ts, mapping-finder.ts and identity.ts. */
const ALWAYS_SAFE = ['status', 'comm', 'fdinfo', 'fdinfo/0', 'uid_map', 'mountinfo', 'opened maps', 'pidfd'];

/** Looked at through a thread that is blocked in a request to us. */
const SAFE_WHEN_BLOCKED = [
  ...ALWAYS_SAFE,
  'maps',
  'exe',
  'ns/pid',
  'ns/user',
  'attr/current',
  'process_vm_readv',
  'pidfd_getfd',
];

it.skipIf(!canServe())(
  'what we look at does not wait for us while the client is in execve',
  async () => {
    using program = compile(SERVER_AND_CLIENT);
    const output = await new Promise<string>((resolve, reject) => {
      execFile(program.path, { timeout: 25_000, killSignal: 'SIGKILL' }, (error, stdout, stderr) =>
        error ? reject(new Error(`${error.message} ${stderr}`)) : resolve(stdout),
      );
    });
    const seen = new Map(
      output
        .trim()
        .split('\n')
        .map((line) => {
          const [when, thing, what] = line.split(',');
          return [`${when} ${thing}`, what] as const;
        }),
    );
    const waits = [...seen].filter(([, what]) => what === 'waits').map(([thing]) => thing);
    console.log(`would wedge the daemon here: ${waits.join(', ')}`);
    for (const thing of ALWAYS_SAFE) expect.soft(seen.get(`flush ${thing}`), `flush ${thing}`).toBe('safe');
    for (const thing of SAFE_WHEN_BLOCKED)
      expect.soft(seen.get(`blocked ${thing}`), `blocked ${thing}`).toBe('safe');
  },
  30_000,
);

function canServe(): boolean {
  try {
    if (process.getuid?.() !== 0) throw new Error('not root');
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    if (statSync('/dev/fuse').rdev !== ((10 << 8) | 229)) throw new Error('not the FUSE device');
  } catch (error) {
    console.warn(`SKIPPED: what waits during execve, which needs root and /dev/fuse (${error})`);
    return false;
  }
  return hasProgram('gcc', '--version');
}
