/*
 * Asks a web server until it answers.
 *
 * usage: first_answer CLIENT_NAMESPACE ADDRESS PORT
 */
#include "common.h"
#include <poll.h>

/* Neither a SYN that was dropped nor a proxy that accepts before its server is there is waited for. */
enum { CONNECT_MS = 5, ANSWER_MS = 40, PATIENCE_SECONDS = 30 };

static int ready(int fd, short events, int milliseconds) {
  struct pollfd entry = {.fd = fd, .events = events};
  return poll(&entry, 1, milliseconds) == 1;
}

/* Whether this attempt got an answer. */
static int ask(const struct sockaddr_in *server) {
  static const char request[] = "GET / HTTP/1.0\r\n\r\n";
  int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"), error = 0;
  socklen_t length = sizeof error;
  char byte;
  int answered =
      (connect(fd, (const struct sockaddr *)server, sizeof *server) == 0 || errno == EINPROGRESS) &&
      ready(fd, POLLOUT, CONNECT_MS) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0 &&
      send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0 && ready(fd, POLLIN, ANSWER_MS) && recv(fd, &byte, 1, 0) == 1;
  close(fd);
  return answered;
}

int main(int argc, char **argv) {
  if (argc != 4) usage("CLIENT_NAMESPACE ADDRESS PORT");
  enter(argv[1]);
  struct sockaddr_in server = at(argv[2], atoi(argv[3]));
  /* Not more often: on a small machine the asking would hold up what it waits for. */
  for (double deadline = now() + PATIENCE_SECONDS; !ask(&server); wait_seconds(0.001))
    if (now() > deadline) { errno = ETIMEDOUT; die("no answer"); }
  return 0;
}
