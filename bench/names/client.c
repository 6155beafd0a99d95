/*
 * A load client for a DNS server: sends N queries with W outstanding over one UDP socket and prints
 * queries per second and the latency percentiles.
 *
 * Closed loop: each answer that arrives lets the next query go, so W = 1 measures the round trip and
 * a larger W the throughput. With W > 1 answers are taken and queries sent in batches (recvmmsg,
 * sendmmsg), so that the client costs as little as it can on a machine it shares with the server.
 * An answer counts when its ID is outstanding, QR is set, RCODE is 0, and it has at least one record.
 *
 *   cc -O2 -o client client.c
 *   client [-a ADDRESS] [-p PORT] [-n QUERIES] [-w OUTSTANDING] [-t A|AAAA] NAME...
 *
 * Several names are asked in turn. One line of output, for people and for programs:
 *   queries=200000 outstanding=32 lost=0 bad=0 qps=81234 p50_us=380.1 p99_us=512.7
 * Exit status 1 when an answer was bad or lost (no answer in one second).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_OUTSTANDING = 1024, MAX_NAMES = 1024, MAX_QUERY = 300, MAX_ANSWER = 4096 };

struct query {
  uint8_t bytes[MAX_QUERY];
  size_t length;
};

static struct query queries[MAX_NAMES];
static int query_count;

/* A slot is one outstanding query. Its DNS ID is round * MAX_OUTSTANDING + slot, so a late duplicate is not taken. */
static struct slot {
  uint16_t id;
  int busy;
  double sent;
  uint8_t bytes[MAX_QUERY];
} slots[MAX_OUTSTANDING];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
  fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
  exit(2);
}

static void make_query(struct query *query, const char *name, uint16_t type) {
  uint8_t *p = query->bytes;
  memset(p, 0, 12);
  p[2] = 1; /* RD */
  p[5] = 1; /* QDCOUNT */
  p += 12;
  if (strlen(name) > 253) {
    fprintf(stderr, "client: name is longer than 253 characters: %s\n", name);
    exit(2);
  }
  while (*name != '\0') {
    size_t label = strcspn(name, ".");
    if (label == 0 || label > 63) {
      fprintf(stderr, "client: bad label in name: %s\n", name);
      exit(2);
    }
    *p++ = (uint8_t)label;
    memcpy(p, name, label);
    p += label;
    name += label + (name[label] == '.');
  }
  *p++ = 0;
  *p++ = (uint8_t)(type >> 8);
  *p++ = (uint8_t)type;
  *p++ = 0;
  *p++ = 1; /* IN */
  query->length = (size_t)(p - query->bytes);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Gives slot `index` its next query; the caller sends it. */
static size_t fill(int index, long number, double at) {
  struct slot *slot = &slots[index];
  const struct query *query = &queries[number % query_count];
  memcpy(slot->bytes, query->bytes, query->length);
  slot->id = (uint16_t)(slot->id + MAX_OUTSTANDING);
  slot->bytes[0] = (uint8_t)(slot->id >> 8);
  slot->bytes[1] = (uint8_t)slot->id;
  slot->sent = at;
  slot->busy = 1;
  return query->length;
}

int main(int argc, char **argv) {
  const char *address = "127.0.0.11";
  int port = 53, outstanding = 1, option;
  long total = 100000;
  uint16_t type = 1;
  while ((option = getopt(argc, argv, "a:p:n:w:t:")) != -1) {
    switch (option) {
    case 'a': address = optarg; break;
    case 'p': port = atoi(optarg); break;
    case 'n': total = atol(optarg); break;
    case 'w': outstanding = atoi(optarg); break;
    case 't': type = strcmp(optarg, "AAAA") == 0 ? 28 : 1; break;
    default: return 2;
    }
  }
  query_count = argc - optind;
  if (query_count < 1 || query_count > MAX_NAMES || outstanding < 1 || outstanding > MAX_OUTSTANDING || total < 1) {
    fprintf(stderr, "usage: client [-a ADDRESS] [-p PORT] [-n QUERIES] [-w OUTSTANDING] [-t A|AAAA] NAME...\n");
    return 2;
  }
  for (int i = 0; i < query_count; i++) make_query(&queries[i], argv[optind + i], type);

  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, address, &server.sin_addr) != 1) {
    fprintf(stderr, "client: not an IPv4 address: %s\n", address);
    return 2;
  }
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0) die("connect");

  double *latency = malloc(sizeof(double) * (size_t)total);
  if (latency == NULL) die("malloc");
  static uint8_t answers[MAX_OUTSTANDING][MAX_ANSWER];
  static struct mmsghdr in[MAX_OUTSTANDING], out[MAX_OUTSTANDING];
  static struct iovec in_vec[MAX_OUTSTANDING], out_vec[MAX_OUTSTANDING];
  for (int i = 0; i < outstanding; i++) {
    slots[i].id = (uint16_t)i;
    in_vec[i] = (struct iovec){answers[i], MAX_ANSWER};
    in[i].msg_hdr = (struct msghdr){.msg_iov = &in_vec[i], .msg_iovlen = 1};
    out[i].msg_hdr = (struct msghdr){.msg_iov = &out_vec[i], .msg_iovlen = 1};
  }

  long issued = 0, done = 0, answered = 0, lost = 0, bad = 0;
  int ready[MAX_OUTSTANDING], ready_count = 0;
  for (int i = 0; i < outstanding && i < total; i++) ready[ready_count++] = i;
  double start = now();
  while (done < total) {
    double at = now();
    int batch = 0;
    for (int i = 0; i < ready_count && issued < total; i++, issued++) {
      out_vec[batch] = (struct iovec){slots[ready[i]].bytes, 0};
      out_vec[batch].iov_len = fill(ready[i], issued, at);
      batch++;
    }
    ready_count = 0;
    for (int sent = 0; sent < batch;) {
      int n = batch == 1 ? (send(fd, out_vec[0].iov_base, out_vec[0].iov_len, 0) < 0 ? -1 : 1)
                         : sendmmsg(fd, out + sent, (unsigned)(batch - sent), 0);
      if (n < 0) die("send");
      sent += n;
    }
    int got;
    if (outstanding == 1) {
      struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
      ssize_t n = recv(fd, answers[0], MAX_ANSWER, MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN && poll(&poll_fd, 1, 1000) == 1) n = recv(fd, answers[0], MAX_ANSWER, 0);
      got = n < 0 ? -1 : 1;
      if (n >= 0) in[0].msg_len = (unsigned)n;
    } else {
      struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
      if (poll(&poll_fd, 1, 1000) == 1) got = recvmmsg(fd, in, (unsigned)outstanding, MSG_DONTWAIT, NULL);
      else { got = -1; errno = EAGAIN; }
    }
    if (got < 0 && errno != EAGAIN) die("recv");
    double arrived = now();
    for (int i = 0; i < got; i++) {
      const uint8_t *answer = answers[i];
      if (in[i].msg_len < 12) { bad++; continue; }
      uint16_t id = (uint16_t)(answer[0] << 8 | answer[1]);
      int index = id % MAX_OUTSTANDING;
      if (index >= outstanding || !slots[index].busy || slots[index].id != id) { bad++; continue; }
      if (!(answer[2] & 0x80) || (answer[3] & 15) != 0 || (answer[6] << 8 | answer[7]) == 0) bad++;
      slots[index].busy = 0;
      latency[answered++] = arrived - slots[index].sent;
      ready[ready_count++] = index;
      done++;
    }
    if (got <= 0) {
      for (int i = 0; i < outstanding; i++) {
        if (slots[i].busy && arrived - slots[i].sent > 1) {
          slots[i].busy = 0;
          ready[ready_count++] = i;
          lost++;
          done++;
        }
      }
    }
  }
  double elapsed = now() - start;
  qsort(latency, (size_t)answered, sizeof(double), by_value);
  printf("queries=%ld outstanding=%d lost=%ld bad=%ld qps=%.0f p50_us=%.1f p99_us=%.1f\n", total, outstanding, lost, bad,
         (double)answered / elapsed, answered > 0 ? latency[answered / 2] * 1e6 : 0,
         answered > 0 ? latency[answered * 99 / 100] * 1e6 : 0);
  return lost > 0 || bad > 0;
}
