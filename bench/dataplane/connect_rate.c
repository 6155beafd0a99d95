/*
 * New TCP connections per second to published ports, in turn: one client, one connection at a time. It closes by reset,
 * so that no port of its own stays in TIME_WAIT.
 *
 * usage: connect_rate SERVER_NAMESPACE CLIENT_NAMESPACE LISTEN_PORT ADDRESS SECONDS PORT...
 * prints {"connectionsPerSecond":N}
 */
#include "common.h"

int main(int argc, char **argv) {
  if (argc < 7) usage("SERVER_NAMESPACE CLIENT_NAMESPACE LISTEN_PORT ADDRESS SECONDS PORT...");
  char **ports = argv + 6;
  int port_count = argc - 6, next = 0;
  enter(argv[1]);
  int listener = bound(SOCK_STREAM, "0.0.0.0", atoi(argv[3]));
  pid_t acceptor = side();
  if (acceptor == 0) {
    for (;;) {
      int fd = accept(listener, NULL, NULL);
      if (fd >= 0) close(fd);
      else if (errno != ECONNABORTED) die("accept");
    }
  }
  close(listener);
  enter(argv[2]);
  struct linger reset = {.l_onoff = 1};
  double begin = now() + 0.2, finish = begin + atof(argv[5]), time, started = 0;
  uint64_t count = 0;
  while ((time = now()) < finish) {
    if (!started && time >= begin) { started = time; count = 0; }
    int fd = connected(SOCK_STREAM, argv[4], atoi(ports[next++ % port_count]));
    check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
    close(fd);
    count++;
  }
  end(acceptor);
  printf("{\"connectionsPerSecond\":%.0f}\n", count / (time - started));
  return 0;
}
