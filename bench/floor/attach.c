/*
 * The floor that Pontoon's attach is judged against: what the kernel itself charges, with nothing around it.
 *
 * One attach, with bare system calls and libc only: a new network namespace pinned by a bind mount; a veth pair whose
 * peer is born in it, the host end in the bridge; both ends and lo up; address and default route; the resolver's UDP
 * and TCP sockets on 127.0.0.11; one nftables transaction in the namespace (two rules) and one on the host (one element
 * of a DNAT map); a gratuitous ARP. One detach: the element out, the sockets closed, the pin dropped; the kernel takes
 * the namespace and its veth away later, by itself.
 *
 * usage: attach [-n COUNT] [-6]    builds its own private world, prints {"attachUs":[...],"detachUs":[...]}
 * Before it prints, it proves that the result works: reachability, the resolver's redirect, and the published port.
 */
#define _GNU_SOURCE
#include "nftables.h"
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SANDBOX_INDEX = 2, FIRST_PORT = 20000, RESOLVER = 0x7f00000b, GATEWAY = 0x0a580001 };

struct sandbox {
  char pin[64];
  int udp, tcp;
  uint32_t address; /* network order */
  uint16_t port;
};

static int host_namespace, host_route, host_filter, bridge_index;
static int with_ipv6;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void write_file(const char *path, const char *text) {
  int fd = check(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), path);
  check(write(fd, text, strlen(text)), path);
  close(fd);
}

static int bound_socket(int type, uint32_t address, uint16_t port) {
  int fd = check(socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = address, .sin_port = htons(port)};
  check(bind(fd, (struct sockaddr *)&to, sizeof to), "bind");
  if (type == SOCK_STREAM) check(listen(fd, 16), "listen");
  return fd;
}

static uint16_t port_of(int fd) {
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  check(getsockname(fd, (struct sockaddr *)&at, &size), "getsockname");
  return ntohs(at.sin_port);
}

static void link_up(struct batch *b, int index, uint16_t flags) {
  struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  message(b, RTM_NEWLINK, flags, &link, sizeof link);
}

/* No link-local address by the kernel: an endpoint has the addresses that it was given. Works on an existing link only. */
static void no_link_local(struct batch *b, int index) {
  struct ifinfomsg link = {.ifi_index = index};
  uint8_t none = IN6_ADDR_GEN_MODE_NONE;
  message(b, RTM_NEWLINK, 0, &link, sizeof link);
  size_t families = nest(b, IFLA_AF_SPEC);
  size_t inet6 = nest(b, AF_INET6);
  attribute(b, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
  nest_end(b, inet6);
  nest_end(b, families);
}

/* The pair in one message: the host end up and in the bridge, the peer born in `namespace` with its own MAC. */
static void create_veth(int number, int namespace, const uint8_t mac[ETH_ALEN]) {
  struct batch b = {0};
  struct ifinfomsg host = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, peer = {.ifi_index = SANDBOX_INDEX};
  char name[IFNAMSIZ];
  snprintf(name, sizeof name, "veth%d", number);
  message(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &host, sizeof host);
  attribute_string(&b, IFLA_IFNAME, name);
  attribute_u32(&b, IFLA_MASTER, bridge_index);
  size_t info = nest(&b, IFLA_LINKINFO);
  attribute_string(&b, IFLA_INFO_KIND, "veth");
  size_t data = nest(&b, IFLA_INFO_DATA);
  size_t at = nest(&b, VETH_INFO_PEER);
  memcpy(batch_reserve(&b, sizeof peer), &peer, sizeof peer);
  attribute_string(&b, IFLA_IFNAME, "eth0");
  attribute(&b, IFLA_ADDRESS, mac, ETH_ALEN);
  attribute_u32(&b, IFLA_NET_NS_FD, namespace);
  nest_end(&b, at);
  nest_end(&b, data);
  nest_end(&b, info);
  transact(host_route, &b, "veth");
}

static void add_address(struct batch *b, int family, int index, const void *address, size_t size, int prefix) {
  struct ifaddrmsg header = {.ifa_family = family, .ifa_prefixlen = prefix, .ifa_index = index};
  if (family == AF_INET6) header.ifa_flags = IFA_F_NODAD;
  message(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
  attribute(b, IFA_LOCAL, address, size);
  attribute(b, IFA_ADDRESS, address, size);
}

static void add_default_route(struct batch *b, int family, const void *gateway, size_t size, uint16_t flags) {
  struct rtmsg header = {.rtm_family = family, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
                         .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
  message(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | flags, &header, sizeof header);
  attribute(b, RTA_GATEWAY, gateway, size);
  attribute_u32(b, RTA_OIF, SANDBOX_INDEX);
}

static void ipv6_of(uint32_t address, uint8_t out[16]) {
  inet_pton(AF_INET6, "fd00:88::", out);
  memcpy(out + 12, &address, 4);
}

/* eth0 up, its addresses, its default routes: one datagram. */
static void configure(int route, uint32_t address) {
  struct batch b = {0};
  uint32_t gateway = htonl(GATEWAY);
  no_link_local(&b, SANDBOX_INDEX);
  link_up(&b, SANDBOX_INDEX, 0);
  add_address(&b, AF_INET, SANDBOX_INDEX, &address, 4, 16);
  if (with_ipv6) {
    uint8_t address6[16], gateway6[16];
    ipv6_of(address, address6);
    ipv6_of(gateway, gateway6);
    add_address(&b, AF_INET6, SANDBOX_INDEX, address6, 16, 64);
    add_default_route(&b, AF_INET6, gateway6, 16, 0);
  }
  add_default_route(&b, AF_INET, &gateway, 4, NLM_F_ACK);
  transact(route, &b, "address and route");
}

/*
 * The bridge forwards to a port only after "link watch" has seen its carrier, some time later, from a work queue.
 * Asking for the link runs that at once (rtnl_getlink, linkwatch_sync_dev).
 */
static void settle_carrier(int number) {
  struct batch b = {0};
  struct ifinfomsg header = {0};
  char name[IFNAMSIZ], reply[8192];
  snprintf(name, sizeof name, "veth%d", number);
  message(&b, RTM_GETLINK, 0, &header, sizeof header);
  attribute_string(&b, IFLA_IFNAME, name);
  attribute_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  check(send(host_route, b.bytes, b.length, 0), "link");
  check(recv(host_route, reply, sizeof reply, 0), "link");
  if (((struct nlmsghdr *)reply)->nlmsg_type != RTM_NEWLINK) { errno = ENODEV; die(name); }
}

/*
 * Gratuitous ARP without a packet socket, whose close would wait for an RCU grace period: NTF_USE makes the kernel ask
 * for a neighbour, and asking for one's own address is the announcement. Deleting the entry at once stops its retries.
 */
static void announce(int route, uint32_t address) {
  struct batch b = {0};
  struct ndmsg header = {.ndm_family = AF_INET, .ndm_ifindex = SANDBOX_INDEX, .ndm_flags = NTF_USE};
  message(&b, RTM_NEWNEIGH, NLM_F_CREATE, &header, sizeof header);
  attribute(&b, NDA_DST, &address, 4);
  header.ndm_flags = 0;
  message(&b, RTM_DELNEIGH, NLM_F_ACK, &header, sizeof header);
  attribute(&b, NDA_DST, &address, 4);
  transact(route, &b, "gratuitous ARP");
}

static void attach(struct sandbox *s, int number) {
  uint8_t mac[ETH_ALEN] = {0x02, 0x42};
  s->address = htonl(GATEWAY + 1 + number);
  s->port = FIRST_PORT + number;
  memcpy(mac + 2, &s->address, 4);
  snprintf(s->pin, sizeof s->pin, "/run/%d", number);

  check(unshare(CLONE_NEWNET), "unshare");
  close(check(open(s->pin, O_RDONLY | O_CREAT | O_CLOEXEC, 0444), s->pin));
  check(mount("/proc/thread-self/ns/net", s->pin, NULL, MS_BIND, NULL), "bind mount");
  int namespace = check(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open namespace");
  int route = netlink_open(NETLINK_ROUTE);
  int filter = netlink_open(NETLINK_NETFILTER);
  struct batch b = {0};
  link_up(&b, 1, NLM_F_ACK); /* first: only then is 127.0.0.11 an address of the namespace */
  transact(route, &b, "lo up");
  s->udp = bound_socket(SOCK_DGRAM, htonl(RESOLVER), 0);
  s->tcp = bound_socket(SOCK_STREAM, htonl(RESOLVER), 0);
  check(setns(host_namespace, CLONE_NEWNET), "setns");

  create_veth(number, namespace, mac);
  configure(route, s->address);
  settle_carrier(number);
  redirect_resolver(filter, port_of(s->udp), port_of(s->tcp));
  change_port(host_filter, NFT_MSG_NEWSETELEM, s->port, s->address);
  if (!getenv("NOARP")) announce(route, s->address);
  close(filter);
  close(route);
  close(namespace);
}

static void detach(struct sandbox *s) {
  change_port(host_filter, NFT_MSG_DELSETELEM, s->port, s->address);
  close(s->udp);
  close(s->tcp);
  check(umount2(s->pin, MNT_DETACH), "umount");
  check(unlink(s->pin), "unlink");
}

/* The private world: its own host namespace with a bridge, forwarding, and the port map. */
static void create_world(void) {
  struct rlimit files;
  check(getrlimit(RLIMIT_NOFILE, &files), "getrlimit");
  files.rlim_cur = files.rlim_max; /* two sockets stay open per sandbox */
  check(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
  check(unshare(CLONE_NEWNET | CLONE_NEWNS), "unshare");
  check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
  check(mount("tmpfs", "/run", "tmpfs", 0, NULL), "tmpfs on /run");
  write_file("/proc/sys/net/ipv4/ip_forward", "1");
  write_file("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1"); /* as in no_link_local, for the host ends */
  host_namespace = check(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open namespace");
  host_route = netlink_open(NETLINK_ROUTE);
  host_filter = netlink_open(NETLINK_NETFILTER);

  struct batch b = {0};
  struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  uint32_t gateway = htonl(GATEWAY);
  uint8_t gateway6[16];
  link_up(&b, 1, 0);
  message(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &link, sizeof link);
  attribute_string(&b, IFLA_IFNAME, "floor0");
  size_t info = nest(&b, IFLA_LINKINFO);
  attribute_string(&b, IFLA_INFO_KIND, "bridge");
  nest_end(&b, info);
  transact(host_route, &b, "bridge");
  bridge_index = if_nametoindex("floor0");
  ipv6_of(gateway, gateway6);
  add_address(&b, AF_INET6, bridge_index, gateway6, 16, 64);
  add_address(&b, AF_INET, bridge_index, &gateway, 4, 16);
  ((struct nlmsghdr *)(b.bytes + b.message))->nlmsg_flags |= NLM_F_ACK;
  transact(host_route, &b, "gateway address");
  create_port_map(host_filter);
}

static void enter(const struct sandbox *s) {
  int fd = check(open(s->pin, O_RDONLY | O_CLOEXEC), s->pin);
  check(setns(fd, CLONE_NEWNET), "setns");
  close(fd);
}

/* A client socket that waits at most five seconds. */
static int client(int type, uint32_t address, uint16_t port) {
  struct timeval patience = {.tv_sec = 5};
  int fd = check(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = address, .sin_port = htons(port)};
  check(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
  return fd;
}

/* Not timed: from the first sandbox, the host answers, the resolver's socket hears port 53, the last's port is open. */
static void verify(const struct sandbox *first, const struct sandbox *last) {
  char byte = 0;
  enter(last);
  int listener = bound_socket(SOCK_STREAM, last->address, last->port);
  enter(first);
  int probe = client(SOCK_DGRAM, htonl(GATEWAY), 9);
  check(send(probe, &byte, 1, 0), "probe of the gateway");
  if (recv(probe, &byte, 1, 0) >= 0 || errno != ECONNREFUSED) die("the gateway does not answer the first sandbox");
  int question = client(SOCK_DGRAM, htonl(RESOLVER), 53);
  check(send(question, &byte, 1, 0), "resolver question");
  check(recv(first->udp, &byte, 1, 0), "the resolver's redirect");
  if (first != last) close(client(SOCK_STREAM, htonl(GATEWAY), last->port));
  close(question);
  close(probe);
  close(listener);
  check(setns(host_namespace, CLONE_NEWNET), "setns");
}

static void print_times(const char *name, const double *times, int count, const char *end) {
  printf("\"%s\":[", name);
  for (int i = 0; i < count; i++) printf("%s%.0f", i ? "," : "", times[i]);
  printf("]%s", end);
}

int main(int argc, char **argv) {
  int count = 20, option;
  while ((option = getopt(argc, argv, "n:6")) != -1) {
    if (option == 'n') count = atoi(optarg);
    else if (option == '6') with_ipv6 = 1;
    else return 2;
  }
  if (count < 1 || count > 40000) return 2;
  create_world();
  struct sandbox *sandboxes = calloc(count, sizeof *sandboxes);
  double *attached = calloc(count, sizeof *attached), *detached = calloc(count, sizeof *detached);
  for (int i = 0; i < count; i++) {
    double start = now_us();
    attach(&sandboxes[i], i);
    attached[i] = now_us() - start;
  }
  verify(&sandboxes[0], &sandboxes[count - 1]);
  for (int i = count - 1; i >= 0; i--) {
    double start = now_us();
    detach(&sandboxes[i]);
    detached[i] = now_us() - start;
  }
  printf("{");
  print_times("attachUs", attached, count, ",");
  print_times("detachUs", detached, count, "}\n");
  return 0;
}
