/*
 * What the data-plane tools share. Each tool is one command that forks its own two sides into the two namespaces given
 * by path (/run/netns/NAME, /proc/PID/ns/net), so that the very same program measures any engine's containers.
 */
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what) {
  fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
  exit(1);
}

static inline int check(int result, const char *what) {
  if (result < 0) die(what);
  return result;
}

static inline void usage(const char *arguments) {
  fprintf(stderr, "usage: %s %s\n", program_invocation_short_name, arguments);
  exit(2);
}

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static inline void wait_seconds(double seconds) {
  struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (time_t)seconds) * 1e9)};
  nanosleep(&t, NULL);
}

static inline void enter(const char *namespace) {
  int fd = check(open(namespace, O_RDONLY | O_CLOEXEC), namespace);
  check(setns(fd, CLONE_NEWNET), namespace);
  close(fd);
}

static inline void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  check(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

/* Memory that the forked sides share. */
static inline void *shared(size_t size) {
  void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) die("mmap");
  return at;
}

/* Forks; the child dies with its parent. */
static inline pid_t side(void) {
  pid_t pid = check(fork(), "fork");
  if (pid == 0) check(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
  return pid;
}

static inline void end(pid_t pid) {
  kill(pid, SIGKILL);
  check(waitpid(pid, NULL, 0), "waitpid");
}

static inline struct sockaddr_in at(const char *address, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, address, &a.sin_addr) != 1) { errno = EINVAL; die(address); }
  return a;
}

static inline int bound(int type, const char *address, int port) {
  int fd = check(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket"), yes = 1;
  check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), "SO_REUSEADDR");
  struct sockaddr_in a = at(address, port);
  check(bind(fd, (struct sockaddr *)&a, sizeof a), "bind");
  if (type == SOCK_STREAM) check(listen(fd, 4096), "listen");
  return fd;
}

static inline int connected(int type, const char *address, int port) {
  int fd = check(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
  struct sockaddr_in a = at(address, port);
  check(connect(fd, (struct sockaddr *)&a, sizeof a), "connect");
  return fd;
}
