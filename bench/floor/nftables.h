/*
 * The nftables transactions of attach.c as bare nfnetlink messages: the resolver's redirect inside a sandbox, and the
 * host's map of published ports.
 */
#pragma once
#include "netlink.h"
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <stddef.h>

static inline void nft_message(struct batch *b, int type, uint16_t flags, int family) {
  struct nfgenmsg header = {.nfgen_family = family, .version = NFNETLINK_V0};
  message(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &header, sizeof header);
}

static inline void nft_batch(struct batch *b, int type) {
  struct nfgenmsg header = {.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
  message(b, type, 0, &header, sizeof header);
}

static inline void nft_table(struct batch *b) {
  nft_message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO_IPV4);
  attribute_string(b, NFTA_TABLE_NAME, "floor");
}

static inline void nft_nat_chain(struct batch *b, const char *name, int hook, int priority) {
  nft_message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO_IPV4);
  attribute_string(b, NFTA_CHAIN_TABLE, "floor");
  attribute_string(b, NFTA_CHAIN_NAME, name);
  attribute_string(b, NFTA_CHAIN_TYPE, "nat");
  size_t at = nest(b, NFTA_CHAIN_HOOK);
  attribute_be32(b, NFTA_HOOK_HOOKNUM, hook);
  attribute_be32(b, NFTA_HOOK_PRIORITY, priority);
  nest_end(b, at);
}

static inline size_t nft_rule(struct batch *b, const char *chain, uint16_t flags) {
  nft_message(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | flags, NFPROTO_IPV4);
  attribute_string(b, NFTA_RULE_TABLE, "floor");
  attribute_string(b, NFTA_RULE_CHAIN, chain);
  return nest(b, NFTA_RULE_EXPRESSIONS);
}

struct expression { size_t element, data; };

static inline struct expression expression(struct batch *b, const char *name) {
  struct expression e = {.element = nest(b, NFTA_LIST_ELEM)};
  attribute_string(b, NFTA_EXPR_NAME, name);
  e.data = nest(b, NFTA_EXPR_DATA);
  return e;
}

static inline void expression_end(struct batch *b, struct expression e) {
  nest_end(b, e.data);
  nest_end(b, e.element);
}

/* Raw bytes as nftables' nested "data" attribute. */
static inline void nft_value(struct batch *b, uint16_t type, const void *value, size_t size) {
  size_t at = nest(b, type);
  attribute(b, NFTA_DATA_VALUE, value, size);
  nest_end(b, at);
}

static inline void load_l4proto(struct batch *b) {
  struct expression e = expression(b, "meta");
  attribute_be32(b, NFTA_META_DREG, NFT_REG_1);
  attribute_be32(b, NFTA_META_KEY, NFT_META_L4PROTO);
  expression_end(b, e);
}

static inline void load_payload(struct batch *b, int base, int offset, int size) {
  struct expression e = expression(b, "payload");
  attribute_be32(b, NFTA_PAYLOAD_DREG, NFT_REG_1);
  attribute_be32(b, NFTA_PAYLOAD_BASE, base);
  attribute_be32(b, NFTA_PAYLOAD_OFFSET, offset);
  attribute_be32(b, NFTA_PAYLOAD_LEN, size);
  expression_end(b, e);
}

static inline void match(struct batch *b, const void *value, size_t size) {
  struct expression e = expression(b, "cmp");
  attribute_be32(b, NFTA_CMP_SREG, NFT_REG_1);
  attribute_be32(b, NFTA_CMP_OP, NFT_CMP_EQ);
  nft_value(b, NFTA_CMP_DATA, value, size);
  expression_end(b, e);
}

/* ip daddr 127.0.0.11 <protocol> dport 53 dnat to :<port> (the address stays, so that the bound socket gets it). */
static inline void resolver_rule(struct batch *b, uint8_t protocol, uint16_t port, uint16_t flags) {
  uint32_t resolver = htonl(0x7f00000b);
  uint16_t dns = htons(53), to = htons(port);
  size_t rule = nft_rule(b, "output", flags);
  load_l4proto(b);
  match(b, &protocol, sizeof protocol);
  load_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
  match(b, &resolver, sizeof resolver);
  load_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
  match(b, &dns, sizeof dns);
  struct expression e = expression(b, "immediate");
  attribute_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_1);
  nft_value(b, NFTA_IMMEDIATE_DATA, &to, sizeof to);
  expression_end(b, e);
  e = expression(b, "nat");
  attribute_be32(b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
  attribute_be32(b, NFTA_NAT_FAMILY, NFPROTO_IPV4);
  attribute_be32(b, NFTA_NAT_REG_PROTO_MIN, NFT_REG_1);
  expression_end(b, e);
  nest_end(b, rule);
}

/* The sandbox's table: one nat chain on output with the two resolver rules. */
static inline void redirect_resolver(int fd, uint16_t udp_port, uint16_t tcp_port) {
  struct batch b = {0};
  nft_batch(&b, NFNL_MSG_BATCH_BEGIN);
  nft_table(&b);
  nft_nat_chain(&b, "output", NF_INET_LOCAL_OUT, -100);
  resolver_rule(&b, IPPROTO_UDP, udp_port, 0);
  resolver_rule(&b, IPPROTO_TCP, tcp_port, NLM_F_ACK);
  nft_batch(&b, NFNL_MSG_BATCH_END);
  transact(fd, &b, "nftables: resolver redirect");
}

/* The host's table: map `ports` (port : address), and `tcp dport map @ports` as a DNAT on prerouting. Untimed. */
static inline void create_port_map(int fd) {
  struct batch b = {0};
  nft_batch(&b, NFNL_MSG_BATCH_BEGIN);
  nft_table(&b);
  nft_nat_chain(&b, "prerouting", NF_INET_PRE_ROUTING, -100);
  nft_message(&b, NFT_MSG_NEWSET, NLM_F_CREATE, NFPROTO_IPV4);
  attribute_string(&b, NFTA_SET_TABLE, "floor");
  attribute_string(&b, NFTA_SET_NAME, "ports");
  attribute_be32(&b, NFTA_SET_FLAGS, NFT_SET_MAP);
  attribute_be32(&b, NFTA_SET_KEY_TYPE, 13); /* nft's own number for inet_service; the kernel only stores it */
  attribute_be32(&b, NFTA_SET_KEY_LEN, 2);
  attribute_be32(&b, NFTA_SET_DATA_TYPE, 7); /* ipv4_addr */
  attribute_be32(&b, NFTA_SET_DATA_LEN, 4);
  attribute_be32(&b, NFTA_SET_ID, 1);
  uint8_t tcp = IPPROTO_TCP;
  size_t rule = nft_rule(&b, "prerouting", NLM_F_ACK);
  load_l4proto(&b);
  match(&b, &tcp, sizeof tcp);
  load_payload(&b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
  struct expression e = expression(&b, "lookup");
  attribute_string(&b, NFTA_LOOKUP_SET, "ports");
  attribute_be32(&b, NFTA_LOOKUP_SET_ID, 1);
  attribute_be32(&b, NFTA_LOOKUP_SREG, NFT_REG_1);
  attribute_be32(&b, NFTA_LOOKUP_DREG, NFT_REG_1);
  expression_end(&b, e);
  e = expression(&b, "nat");
  attribute_be32(&b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
  attribute_be32(&b, NFTA_NAT_FAMILY, NFPROTO_IPV4);
  attribute_be32(&b, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
  expression_end(&b, e);
  nest_end(&b, rule);
  nft_batch(&b, NFNL_MSG_BATCH_END);
  transact(fd, &b, "nftables: port map");
}

/* Publishes or unpublishes one port: one element of the map, one transaction. */
static inline void change_port(int fd, int type, uint16_t port, uint32_t address) {
  uint16_t key = htons(port);
  struct batch b = {0};
  nft_batch(&b, NFNL_MSG_BATCH_BEGIN);
  nft_message(&b, type, NLM_F_ACK | (type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0), NFPROTO_IPV4);
  attribute_string(&b, NFTA_SET_ELEM_LIST_TABLE, "floor");
  attribute_string(&b, NFTA_SET_ELEM_LIST_SET, "ports");
  size_t list = nest(&b, NFTA_SET_ELEM_LIST_ELEMENTS);
  size_t element = nest(&b, NFTA_LIST_ELEM);
  nft_value(&b, NFTA_SET_ELEM_KEY, &key, sizeof key);
  nft_value(&b, NFTA_SET_ELEM_DATA, &address, sizeof address);
  nest_end(&b, element);
  nest_end(&b, list);
  nft_batch(&b, NFNL_MSG_BATCH_END);
  transact(fd, &b, "nftables: port element");
}
