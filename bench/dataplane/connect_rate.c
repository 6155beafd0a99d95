/*
 * New TCP connections per second to a published port: one client, one at a time. The client goes through the published
 * ports in turn (a stride keeps neighbours apart), so that the place of a port in a list of rules averages out.
 * It closes by reset, so that no port of its own stays in TIME_WAIT.
 *
 * usage: connect_rate SERVER_NAMESPACE CLIENT_NAMESPACE LISTEN_PORT ADDRESS FIRST_PORT PORT_COUNT SECONDS
 * prints {"connectionsPerSecond":N}
 */
#include "common.h"

int main(int argc, char **argv) {
  if (argc != 8) usage("SERVER_NAMESPACE CLIENT_NAMESPACE LISTEN_PORT ADDRESS FIRST_PORT PORT_COUNT SECONDS");
  int first = atoi(argv[5]), ports = atoi(argv[6]);
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
  double begin = now() + 0.2, finish = begin + atof(argv[7]), time, started = 0;
  uint64_t count = 0, all = 0;
  while ((time = now()) < finish) {
    if (!started && time >= begin) { started = time; count = 0; }
    int fd = connected(SOCK_STREAM, argv[4], first + all * 7919 % ports);
    check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
    close(fd);
    count++;
    all++;
  }
  end(acceptor);
  printf("{\"connectionsPerSecond\":%.0f}\n", count / (time - started));
  return 0;
}
