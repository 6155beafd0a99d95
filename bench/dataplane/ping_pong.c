/*
 * Request and response, one byte each way, one at a time, with both sides on one CPU: the latency of the path without
 * the wake-up of another CPU in it.
 *
 * usage: ping_pong SERVER_NAMESPACE CLIENT_NAMESPACE SERVER_ADDRESS SECONDS tcp|udp
 * prints {"transactionsPerSecond":N}
 */
#include "common.h"

enum { PORT = 5003 };

static void no_delay(int fd) {
  int yes = 1;
  check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), "TCP_NODELAY");
}

static void serve(int fd, int type) {
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  char byte;
  if (type == SOCK_STREAM) {
    fd = check(accept(fd, NULL, NULL), "accept");
    no_delay(fd);
  } else { /* the first packet, which is not counted, says who asks */
    check(recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &size), "recvfrom");
    check(connect(fd, (struct sockaddr *)&from, size), "connect");
    check(send(fd, &byte, 1, 0), "send");
  }
  while (check(recv(fd, &byte, 1, 0), "recv") > 0) check(send(fd, &byte, 1, MSG_NOSIGNAL), "send");
  pause();
}

static void round_trip(int fd) {
  char byte = 0;
  check(send(fd, &byte, 1, MSG_NOSIGNAL), "send");
  check(recv(fd, &byte, 1, 0), "recv");
}

int main(int argc, char **argv) {
  if (argc != 6) usage("SERVER_NAMESPACE CLIENT_NAMESPACE SERVER_ADDRESS SECONDS tcp|udp");
  int type = strcmp(argv[5], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
  pin(1);
  enter(argv[1]);
  int server = bound(type, argv[3], PORT);
  pid_t responder = side();
  if (responder == 0) serve(server, type);
  close(server);
  enter(argv[2]);
  int client = connected(type, argv[3], PORT);
  if (type == SOCK_STREAM) no_delay(client);
  struct timeval patience = {.tv_sec = 2};
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  double begin = now() + 0.3, finish = begin + atof(argv[4]), time, started = 0;
  uint64_t count = 0;
  while ((time = now()) < finish) {
    if (!started && time >= begin) { started = time; count = 0; }
    round_trip(client);
    count++;
  }
  end(responder);
  printf("{\"transactionsPerSecond\":%.0f}\n", count / (time - started));
  return 0;
}
