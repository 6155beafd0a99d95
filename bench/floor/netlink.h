/*
 * The least netlink that attach.c needs: build messages in a buffer, send them as one datagram, read the first answer.
 * No library: <linux/netlink.h> and the system calls. Any failure ends the program with the errno's text.
 */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static inline void die(const char *what) {
  fprintf(stderr, "attach: %s: %s\n", what, strerror(errno));
  exit(1);
}

static inline int check(int result, const char *what) {
  if (result < 0) die(what);
  return result;
}

/* Messages to be sent as one datagram; `message` is the offset of the one being built. */
struct batch {
  _Alignas(NLMSG_ALIGNTO) char bytes[4096];
  size_t length;
  size_t message;
};

static inline void *batch_reserve(struct batch *b, size_t size) {
  size_t aligned = NLMSG_ALIGN(size);
  if (b->length + aligned > sizeof b->bytes) { errno = EMSGSIZE; die("netlink batch"); }
  void *at = memset(b->bytes + b->length, 0, aligned);
  b->length += aligned;
  struct nlmsghdr *header = (struct nlmsghdr *)(b->bytes + b->message);
  header->nlmsg_len = b->length - b->message;
  return at;
}

/* Starts a message with its family header (ifinfomsg, nfgenmsg, ...). */
static inline void message(struct batch *b, uint16_t type, uint16_t flags, const void *family, size_t size) {
  b->message = b->length;
  b->length += NLMSG_HDRLEN;
  struct nlmsghdr *header = (struct nlmsghdr *)(b->bytes + b->message);
  *header = (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags};
  memcpy(batch_reserve(b, size), family, size);
}

static inline void attribute(struct batch *b, uint16_t type, const void *value, size_t size) {
  struct nlattr *a = batch_reserve(b, NLA_HDRLEN + size);
  *a = (struct nlattr){.nla_len = NLA_HDRLEN + size, .nla_type = type};
  memcpy((char *)a + NLA_HDRLEN, value, size);
}

static inline void attribute_string(struct batch *b, uint16_t type, const char *value) {
  attribute(b, type, value, strlen(value) + 1);
}

static inline void attribute_u32(struct batch *b, uint16_t type, uint32_t value) {
  attribute(b, type, &value, sizeof value);
}

/* A number as nftables wants it: 32 bits in network order. */
static inline void attribute_be32(struct batch *b, uint16_t type, uint32_t value) {
  attribute_u32(b, type, htonl(value));
}

/* Opens a nested attribute; close it with `nest_end`. */
static inline size_t nest(struct batch *b, uint16_t type) {
  size_t at = b->length;
  struct nlattr *a = batch_reserve(b, NLA_HDRLEN);
  a->nla_type = NLA_F_NESTED | type;
  return at;
}

static inline void nest_end(struct batch *b, size_t at) {
  ((struct nlattr *)(b->bytes + at))->nla_len = b->length - at;
}

static inline int netlink_open(int protocol) {
  return check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "socket(AF_NETLINK)");
}

/*
 * Sends the batch and reads one answer. Only the last message asks for an ACK, so the first answer is either that ACK
 * (everything went well) or the error of an earlier message.
 */
static inline void transact(int fd, struct batch *b, const char *what) {
  check(send(fd, b->bytes, b->length, 0), what);
  char reply[8192];
  ssize_t size = check(recv(fd, reply, sizeof reply, 0), what);
  const struct nlmsghdr *header = (const struct nlmsghdr *)reply;
  if (size < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR) {
    errno = EPROTO;
    die(what);
  }
  errno = -((const struct nlmsgerr *)NLMSG_DATA(header))->error;
  if (errno) die(what);
  b->length = 0;
}
