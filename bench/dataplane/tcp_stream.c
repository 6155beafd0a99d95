/*
 * TCP throughput of N streams at once, one process on each side of each; the scheduler places them.
 *
 * usage: tcp_stream SERVER_NAMESPACE CLIENT_NAMESPACE SERVER_ADDRESS SECONDS STREAMS
 * prints {"bitsPerSecond":N}: payload that arrived, after half a second of warm-up
 */
#include "common.h"

enum { PORT = 5002, MAX_STREAMS = 64, CHUNK = 128 << 10 };

static char buffer[CHUNK];

struct counter { _Alignas(64) volatile uint64_t bytes; };

static uint64_t total(const struct counter *counters, int streams) {
  uint64_t sum = 0;
  for (int i = 0; i < streams; i++) sum += counters[i].bytes;
  return sum;
}

int main(int argc, char **argv) {
  if (argc != 6) usage("SERVER_NAMESPACE CLIENT_NAMESPACE SERVER_ADDRESS SECONDS STREAMS");
  int streams = atoi(argv[5]);
  if (streams < 1 || streams > MAX_STREAMS) usage("... STREAMS is 1 to 64");
  struct counter *counters = shared(MAX_STREAMS * sizeof *counters);
  pid_t sides[2 * MAX_STREAMS];
  enter(argv[1]);
  int listener = bound(SOCK_STREAM, argv[3], PORT);
  enter(argv[2]);
  for (int i = 0; i < streams; i++) {
    if ((sides[2 * i] = side()) == 0) {
      int fd = check(accept(listener, NULL, NULL), "accept");
      for (;;) {
        int size = check(recv(fd, buffer, CHUNK, 0), "recv");
        if (size == 0) pause(); /* the sender is gone: the measurement is over */
        counters[i].bytes += size;
      }
    }
    if ((sides[2 * i + 1] = side()) == 0) {
      int fd = connected(SOCK_STREAM, argv[3], PORT);
      for (;;) check(send(fd, buffer, CHUNK, MSG_NOSIGNAL), "send");
    }
  }
  wait_seconds(0.5);
  uint64_t before = total(counters, streams);
  double started = now();
  wait_seconds(atof(argv[4]));
  uint64_t bytes = total(counters, streams) - before;
  double seconds = now() - started;
  for (int i = 0; i < streams; i++) end(sides[2 * i + 1]);
  for (int i = 0; i < streams; i++) end(sides[2 * i]);
  printf("{\"bitsPerSecond\":%.0f}\n", 8 * bytes / seconds);
  return 0;
}
