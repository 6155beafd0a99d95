/*
 * How many UDP packets per second arrive, when one sender sends as fast as it can: sender on CPU 0, receiver on CPU 1.
 * On a veth path the sender's CPU does the forwarding too, so this is the cost of the path. The receiver polls: asleep,
 * it would be woken for every packet, and the sender's time would go into waking another CPU.
 *
 * usage: udp_rate SERVER_NAMESPACE CLIENT_NAMESPACE SERVER_ADDRESS SECONDS [PAYLOAD_BYTES]
 * prints {"packetsPerSecond":N,"sentPerSecond":N}
 */
#include "common.h"

enum { PORT = 5001, BATCH = 64, MAX_BYTES = 1400 };

static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static char payloads[BATCH][MAX_BYTES];

static void prepare(size_t size) {
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){payloads[i], size};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
}

int main(int argc, char **argv) {
  if (argc < 5) usage("SERVER_NAMESPACE CLIENT_NAMESPACE SERVER_ADDRESS SECONDS [PAYLOAD_BYTES]");
  size_t size = argc > 5 ? strtoul(argv[5], NULL, 10) : 64;
  if (size < 1 || size > MAX_BYTES) usage("... PAYLOAD_BYTES is 1 to 1400");
  volatile uint64_t *received = shared(sizeof *received);
  enter(argv[1]);
  int server = bound(SOCK_DGRAM, argv[3], PORT), buffer = 4 << 20;
  setsockopt(server, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  pid_t receiver = side();
  if (receiver == 0) {
    pin(1);
    prepare(MAX_BYTES);
    for (;;) {
      int count = recvmmsg(server, messages, BATCH, MSG_DONTWAIT, NULL);
      if (count > 0) *received += count;
      else if (errno != EAGAIN) die("recvmmsg");
    }
  }
  close(server);
  enter(argv[2]);
  pin(0);
  prepare(size);
  int client = connected(SOCK_DGRAM, argv[3], PORT);
  double begin = now() + 0.3, finish = begin + atof(argv[4]), time, started = 0;
  uint64_t sent = 0, before = 0;
  while ((time = now()) < finish) {
    if (!started && time >= begin) { started = time; before = *received; sent = 0; }
    sent += check(sendmmsg(client, messages, BATCH, 0), "sendmmsg");
  }
  uint64_t count = *received - before;
  end(receiver);
  if (count == 0) { errno = EHOSTUNREACH; die("no packet arrived"); }
  printf("{\"packetsPerSecond\":%.0f,\"sentPerSecond\":%.0f}\n", count / (time - started), sent / (time - started));
  return 0;
}
