/**
 * @module Every constant of src/kernel/uapi and ffi.ts, and every layout by hand, against the kernel's own headers.
 *
 * One C program prints what the headers say. A constant that is newer than the installed headers stands in its file
 * under a comment that begins "newer than"; it is skipped, by name, only where the headers do not have it.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as ffi from '../../src/kernel/ffi.ts';
import { EPOLL_EVENT_BYTES, EPOLL_EVENT_DATA } from '../../src/kernel/uapi/eventpoll.ts';
import * as ifPacket from '../../src/kernel/uapi/if_packet.ts';
import * as inet from '../../src/kernel/uapi/in.ts';
import * as inetDiag from '../../src/kernel/uapi/inet_diag.ts';
import * as memfd from '../../src/kernel/uapi/memfd.ts';
import * as netlink from '../../src/kernel/uapi/netlink.ts';
import * as nfConntrack from '../../src/kernel/uapi/nf_conntrack.ts';
import * as nfTables from '../../src/kernel/uapi/nf_tables.ts';
import * as nfnetlink from '../../src/kernel/uapi/nfnetlink.ts';
import * as rtnetlink from '../../src/kernel/uapi/rtnetlink.ts';
import * as spawn from '../../src/kernel/uapi/spawn.ts';

const kernel = join(import.meta.dirname, '../../src/kernel');
const directory = mkdtempSync(join(tmpdir(), 'pontoon-headers-'));
after(() => rmSync(directory, { recursive: true }));

const HEADERS = [
  'stddef.h',
  'stdio.h',
  'fcntl.h',
  'poll.h',
  'sched.h',
  'spawn.h',
  'sys/epoll.h',
  'sys/file.h',
  'sys/mman.h',
  'sys/mount.h',
  'sys/socket.h',
  'sys/syscall.h',
  'sys/wait.h',
  'linux/fib_rules.h',
  'linux/filter.h',
  'linux/if.h',
  'linux/if_addr.h',
  'linux/if_bridge.h',
  'linux/if_ether.h',
  'linux/if_link.h',
  'linux/if_packet.h',
  'linux/if_tun.h',
  'linux/in.h',
  'linux/in6.h',
  'linux/inet_diag.h',
  'linux/ip.h',
  'linux/ipv6.h',
  'linux/neighbour.h',
  'linux/net_namespace.h',
  'linux/netconf.h',
  'linux/netfilter.h',
  'linux/netfilter/nf_conntrack_common.h',
  'linux/netfilter/nf_tables.h',
  'linux/netfilter/nfnetlink.h',
  'linux/netfilter/nfnetlink_conntrack.h',
  'linux/netlink.h',
  'linux/rtnetlink.h',
  'linux/sock_diag.h',
  'linux/veth.h',
];

/** What the code lays out by hand: sizes, and offsets of the fields that it uses. */
const LAYOUTS: Readonly<Record<string, number>> = {
  ...struct('nlmsghdr', 16, { nlmsg_len: 0, nlmsg_type: 4, nlmsg_flags: 6, nlmsg_seq: 8, nlmsg_pid: 12 }),
  ...struct('nlattr', 4, { nla_len: 0, nla_type: 2 }),
  ...struct('sockaddr_nl', 12, { nl_family: 0 }),
  ...struct('ifinfomsg', 16, { ifi_family: 0, ifi_index: 4, ifi_flags: 8, ifi_change: 12 }),
  ...struct('ifaddrmsg', 8, { ifa_family: 0, ifa_prefixlen: 1, ifa_flags: 2, ifa_scope: 3, ifa_index: 4 }),
  ...struct('rtmsg', 12, {
    rtm_family: 0,
    rtm_dst_len: 1,
    rtm_src_len: 2,
    rtm_table: 4,
    rtm_protocol: 5,
    rtm_scope: 6,
    rtm_type: 7,
    rtm_flags: 8,
  }),
  ...struct('rtnexthop', 8, { rtnh_len: 0, rtnh_flags: 2, rtnh_hops: 3, rtnh_ifindex: 4 }),
  ...struct('rtgenmsg', 1, { rtgen_family: 0 }),
  ...struct('netconfmsg', 1, { ncm_family: 0 }),
  ...struct('br_port_msg', 8, { ifindex: 4 }),
  ...struct('br_mdb_entry', 28, { ifindex: 0, state: 4, vid: 6, 'addr.u': 8, 'addr.proto': 24 }),
  ...struct('bridge_vlan_info', 4, { flags: 0, vid: 2 }),
  ...struct('rtnl_link_stats64', 200, {
    rx_packets: 0,
    tx_packets: 8,
    rx_bytes: 16,
    tx_bytes: 24,
    rx_errors: 32,
    tx_errors: 40,
    rx_dropped: 48,
    tx_dropped: 56,
  }),
  ...struct('rtvia', 2, { rtvia_family: 0, rtvia_addr: 2 }),
  ...struct('inet_diag_req_v2', 56, { sdiag_family: 0, sdiag_protocol: 1, idiag_states: 4 }),
  ...struct('inet_diag_msg', 72, { idiag_family: 0, idiag_state: 1, idiag_uid: 64, idiag_inode: 68 }),
  ...struct('inet_diag_sockid', 48, { idiag_sport: 0, idiag_src: 4, idiag_if: 36 }),
  ...struct('ndmsg', 12, { ndm_family: 0, ndm_ifindex: 4, ndm_state: 8, ndm_flags: 10 }),
  ...struct('nda_cacheinfo', 16, { ndm_confirmed: 0, ndm_used: 4, ndm_updated: 8 }),
  ...struct('fib_rule_hdr', 12, { family: 0, dst_len: 1, src_len: 2, tos: 3, table: 4, action: 7, flags: 8 }),
  ...struct('fib_rule_port_range', 4, { start: 0, end: 2 }),
  ...struct('fib_rule_uid_range', 8, { start: 0, end: 4 }),
  ...struct('nfgenmsg', 4, { nfgen_family: 0, version: 1, res_id: 2 }),
  ...struct('sockaddr_in', 16, { sin_family: 0, sin_port: 2, sin_addr: 4 }),
  ...struct('sockaddr_in6', 28, { sin6_family: 0, sin6_port: 2, sin6_addr: 8, sin6_scope_id: 24 }),
  ...struct('sockaddr_ll', 20, { sll_family: 0, sll_protocol: 2, sll_ifindex: 4, sll_pkttype: 10 }),
  ...struct('msghdr', 56, {
    msg_name: 0,
    msg_namelen: 8,
    msg_iov: 16,
    msg_iovlen: 24,
    msg_control: 32,
    msg_controllen: 40,
  }),
  ...struct('iovec', 16, { iov_base: 0, iov_len: 8 }),
  ...struct('cmsghdr', 16, { cmsg_len: 0, cmsg_level: 8, cmsg_type: 12 }),
  ...struct('timespec', 16, { tv_sec: 0, tv_nsec: 8 }),
  ...struct('tpacket_auxdata', 20, { tp_status: 0, tp_vlan_tci: 16, tp_vlan_tpid: 18 }),
  ...struct('tpacket_stats', 8, { tp_packets: 0, tp_drops: 4 }),
  ...struct('sock_filter', 8, { code: 0, jt: 2, jf: 3, k: 4 }),
  ...struct('sock_fprog', 16, { len: 0, filter: 8 }),
  ...struct('epoll_event', EPOLL_EVENT_BYTES, { events: 0, data: EPOLL_EVENT_DATA }),
  ...Object.fromEntries(Object.entries(spawn.SPAWN_SIZES).map(([type, bytes]) => [`sizeof(${type})`, bytes])),
};

function struct(name: string, size: number, fields: Record<string, number>): Record<string, number> {
  return {
    [`sizeof(struct ${name})`]: size,
    ...Object.fromEntries(
      Object.entries(fields).map(([field, offset]) => [`offsetof(struct ${name}, ${field})`, offset]),
    ),
  };
}

/** The names in a file under a comment "newer than …", up to the next empty line. */
function newerNames(source: string): string[] {
  return [...source.matchAll(/^\/\/ newer than .*\n((?:export const .*\n)+)/gm)].flatMap(([, lines]) =>
    [...(lines ?? '').matchAll(/^export const (\w+)/gm)].map(([, name]) => name ?? ''),
  );
}

/** The values of C expressions; those of `optional` that the headers do not know are left out. */
function evaluate(expressions: readonly string[], optional: ReadonlySet<string>): Map<string, number> {
  const source = join(directory, 'headers.c');
  const program = join(directory, 'headers');
  const compile = (known: readonly string[]) => {
    const lines = [
      '#define _GNU_SOURCE',
      ...HEADERS.map((header) => `#include <${header}>`),
      'int main(void) {',
      ...known.map((expression) => `  printf("%s\\t%lld\\n", "${expression}", (long long)(${expression}));`),
      '  return 0;',
      '}',
    ];
    writeFileSync(source, `${lines.join('\n')}\n`);
    return spawnSync('gcc', ['-w', '-o', program, source], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  };
  let compiled = compile(expressions);
  if (compiled.error !== undefined) throw compiled.error;
  if (compiled.status !== 0) {
    const absent = new Set([...compiled.stderr.matchAll(/'(\w+)' undeclared/g)].map(([, name]) => name ?? ''));
    assert.deepEqual(
      [...absent].filter((name) => !optional.has(name)),
      [],
      compiled.stderr,
    );
    compiled = compile(expressions.filter((expression) => !absent.has(expression)));
  }
  assert.equal(compiled.status, 0, compiled.stderr);
  const output = execFileSync(program, { encoding: 'utf8' }).trimEnd();
  return new Map(
    output
      .split('\n')
      .map((line) => line.split('\t') as [string, string])
      .map(([key, value]) => [key, Number(value)]),
  );
}

const FILES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'ffi.ts': ffi,
  'uapi/eventpoll.ts': {}, // a layout, see LAYOUTS
  'uapi/if_packet.ts': ifPacket,
  'uapi/in.ts': inet,
  'uapi/inet_diag.ts': inetDiag,
  'uapi/memfd.ts': memfd,
  'uapi/netlink.ts': netlink,
  'uapi/nf_conntrack.ts': nfConntrack,
  'uapi/nf_tables.ts': nfTables,
  'uapi/nfnetlink.ts': nfnetlink,
  'uapi/rtnetlink.ts': rtnetlink,
  'uapi/spawn.ts': spawn,
};
const constants = Object.entries(FILES).flatMap(([file, exported]) =>
  Object.entries(exported).flatMap(([name, value]) => (typeof value === 'number' ? [{ file, name, value }] : [])),
);
const newer = new Set(Object.keys(FILES).flatMap((file) => newerNames(readFileSync(join(kernel, file), 'utf8'))));
const said = evaluate([...constants.map(({ name }) => name), ...Object.keys(LAYOUTS)], newer);

test('no file is left out', () => {
  assert.deepEqual(['ffi.ts', ...globSync('uapi/*.ts', { cwd: kernel }).sort()], Object.keys(FILES));
});

test(`${constants.length} constants are those of the headers`, (t) => {
  assert.ok(constants.length > 300);
  const unsigned = (value: number) => value >>> 0; // C has some of them as unsigned
  const wrong = constants
    .filter(({ name, value }) => said.has(name) && unsigned(said.get(name)!) !== unsigned(value))
    .map(({ file, name, value }) => `${file}: ${name} is ${value}, the headers say ${said.get(name)}`);
  assert.deepEqual(wrong, []);
  for (const { name } of constants) if (!said.has(name)) t.diagnostic(`newer than the headers here, skipped: ${name}`);
});

test('no constant stands twice with two values', () => {
  const values = new Map<string, number>();
  for (const { file, name, value } of constants) {
    assert.equal(values.get(name) ?? value, value, `${name} in ${file}`);
    values.set(name, value);
  }
});

test('layouts by hand are those of the headers', () => {
  const actual = Object.fromEntries(Object.keys(LAYOUTS).map((expression) => [expression, said.get(expression)]));
  assert.deepEqual(actual, LAYOUTS);
});

test('the host is little-endian, as the codec takes for granted', () => {
  assert.equal(endianness(), 'LE');
});
