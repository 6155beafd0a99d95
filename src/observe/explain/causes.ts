/**
 * @module The closed list of causes: why one does not reach another. Each has a stable word, a sentence that a learner
 * understands in English and Chinese, what one sees of it, and its cure. docs/causes.md is made from this list.
 *
 * `{name}` stands for a fact of the case at hand. A remedy with a fact that the case lacks is left out.
 */

import type { Facts } from './outcome.ts';

export type Language = 'en' | 'zh';

export interface Cause {
  readonly sentence: Readonly<Record<Language, string>>;
  /** What one sees without Pontoon. */
  readonly looksLike: string;
  /** Commands that mend it. */
  readonly remedy: readonly string[];
}

const CATALOGUE = {
  'name-unknown': {
    sentence: {
      en: 'Nobody that {from} can ask knows the name {name}.',
      zh: '{from} 能询问的解析器都不认识名字 {name}。',
    },
    looksLike: '"bad address", "Name or service not known", "Could not resolve host".',
    remedy: ['{command}'],
  },
  'name-elsewhere': {
    sentence: {
      en: '{name} is a container, but on {network}, where {from} is not; names are only known within one network.',
      zh: '{name} 是一个容器，但它在网络 {network} 上，而 {from} 不在；名字只在同一个网络内有效。',
    },
    looksLike: '"bad address", although the container runs and others find it.',
    remedy: ['{connect}'],
  },
  'no-route': {
    sentence: {
      en: '{namespace} has no route to {destination}.',
      zh: '{namespace} 没有到 {destination} 的路由。',
    },
    looksLike: '"Network is unreachable", "No route to host".',
    remedy: ['{command}'],
  },
  'blackhole-route': {
    sentence: {
      en: 'The route to {destination} in {namespace} is of type {type}: it throws packets away on purpose.',
      zh: '{namespace} 中到 {destination} 的路由类型是 {type}：它故意丢弃数据包。',
    },
    looksLike: '"Invalid argument" (blackhole), "No route to host" (unreachable), "Permission denied" (prohibit).',
    remedy: ['{command}'],
  },
  'wrong-source': {
    sentence: {
      en: '{namespace} is to send from {source}, which is not an address that it has.',
      zh: '要求 {namespace} 以 {source} 为源地址发送，但它没有这个地址。',
    },
    looksLike: '"Cannot assign requested address".',
    remedy: ['{command}'],
  },
  'link-down': {
    sentence: {
      en: 'The interface {interface} is down, so nothing passes it.',
      zh: '接口 {interface} 处于关闭状态，任何数据都无法通过。',
    },
    looksLike: '`ip link` shows DOWN or NO-CARRIER; "Network is unreachable", or 100 % loss.',
    remedy: ['{command}'],
  },
  'peer-gone': {
    sentence: {
      en: 'The cable {interface} has no other end: its peer was deleted or never was.',
      zh: '虚拟网线 {interface} 没有另一端：对端已被删除或从未存在。',
    },
    looksLike: 'An interface without "@ifN", or a bridge port that never gets a carrier.',
    remedy: ['ip link del {interface}', '{command}'],
  },
  'different-segment': {
    sentence: {
      en: '{address} belongs to {owner}, which is not on the layer-2 segment of {interface}, so no ARP question reaches it.',
      zh: '{address} 属于 {owner}，它与 {interface} 不在同一个二层网段，ARP 询问到不了那里。',
    },
    looksLike: '"Destination Host Unreachable" although both have addresses of one subnet.',
    remedy: ['{command}', '{connect}'],
  },
  'wrong-prefix': {
    sentence: {
      en: 'The prefix lengths do not agree: {near} takes {far} to be its neighbour, but {farAddress} on the other side does not.',
      zh: '前缀长度不一致：{near} 认为 {far} 是邻居，但对方的 {farAddress} 不这么认为。',
    },
    looksLike: 'ARP is answered, yet no packet comes back.',
    remedy: ['{command}'],
  },
  'duplicate-address': {
    sentence: {
      en: '{address} is taken twice: by {first} and by {second}; whoever answers first gets the packets.',
      zh: '{address} 被使用了两次：{first} 和 {second}；谁先应答，数据包就发给谁。',
    },
    looksLike: 'It works now and then; `arp -n` shows changing MACs; IPv6 addresses are "dadfailed".',
    remedy: ['{command}'],
  },
  'duplicate-mac': {
    sentence: {
      en: '{first} and {second} have the same MAC {mac}, so the bridge sends the frames of one to the other.',
      zh: '{first} 和 {second} 的 MAC 同为 {mac}，网桥会把给一个的帧发给另一个。',
    },
    looksLike: 'Loss that comes and goes; the bridge logs "received packet with own address as source address".',
    remedy: ['{command}'],
  },
  'neighbour-failed': {
    sentence: {
      en: 'Nobody on the segment of {interface} answers for {address}: nobody there has it.',
      zh: '在 {interface} 所在的网段里没有人应答 {address}：那里没有人拥有它。',
    },
    looksLike: '"Destination Host Unreachable"; `ip neigh` shows FAILED or INCOMPLETE.',
    remedy: ['{command}'],
  },
  'neighbour-wrong': {
    sentence: {
      en: 'The neighbour table of {namespace} says that {address} is at {mac}, but no interface that the frame comes to has that MAC.',
      zh: '{namespace} 的邻居表说 {address} 在 {mac}，但帧能到达的接口都没有这个 MAC。',
    },
    looksLike: '100 % loss with a PERMANENT entry in `ip neigh`.',
    remedy: ['{command}'],
  },
  'address-on-port': {
    sentence: {
      en: '{interface} has {address} but is a port of {bridge}: answers that enter by the port belong to the bridge, so the question for {target} on {interface} stays open for ever.',
      zh: '{interface} 上配了 {address}，但它是网桥 {bridge} 的端口：从端口进来的应答归网桥所有，所以 {interface} 上对 {target} 的询问永远得不到回答。',
    },
    looksLike: 'The ARP reply is visible in a capture on the port, and the neighbour entry stays INCOMPLETE.',
    remedy: ['{command}', '{more}'],
  },
  'port-isolated': {
    sentence: {
      en: 'The bridge {bridge} lets no frame from {from} to {interface}: both ports are isolated.',
      zh: '网桥 {bridge} 不允许帧从 {from} 到 {interface}：两个端口都被隔离。',
    },
    looksLike: 'Both reach the gateway, but not each other; `bridge -d link` shows "isolated on".',
    remedy: ['{command}'],
  },
  'port-blocked': {
    sentence: {
      en: 'The port {interface} of {bridge} is in state {state} and passes no frames.',
      zh: '网桥 {bridge} 的端口 {interface} 处于 {state} 状态，不转发任何帧。',
    },
    looksLike: '`bridge link` shows a state other than forwarding: spanning tree, or set by hand.',
    remedy: ['{command}'],
  },
  'fdb-wrong': {
    sentence: {
      en: 'The forwarding table of {bridge} has {mac} behind {interface}, where nobody with that MAC is.',
      zh: '网桥 {bridge} 的转发表认为 {mac} 在 {interface} 后面，但那里没有这个 MAC。',
    },
    looksLike: 'Broadcasts pass, unicast does not; `bridge fdb` shows a static entry.',
    remedy: ['{command}'],
  },
  'vlan-mismatch': {
    sentence: {
      en: 'The port {interface} does not let frames of {vlan} {verb}.',
      zh: '端口 {interface} 不允许 {vlan} 的帧通过（{verb}）。',
    },
    looksLike: 'Nothing passes a bridge that filters VLANs; `bridge vlan` shows different VLANs.',
    remedy: ['{command}'],
  },
  'forwarding-off': {
    sentence: {
      en: '{namespace} would have to forward the packet, but forwarding is off there.',
      zh: '{namespace} 需要转发这个包，但那里没有打开转发。',
    },
    looksLike: '100 % loss through a router that both sides reach.',
    remedy: ['{command}'],
  },
  'reverse-path': {
    sentence: {
      en: '{interface} drops packets from {source}: by its routes they should have come by another way (rp_filter).',
      zh: '{interface} 丢弃来自 {source} 的包：按照它的路由，这些包应当从别的路径进来 (rp_filter)。',
    },
    looksLike: 'The packet is visible in a capture on the receiver, which does not answer.',
    remedy: ['{command}'],
  },
  martian: {
    sentence: {
      en: '{interface} drops the packet: its source {source} cannot come from there (a loopback address, or one of its own).',
      zh: '{interface} 丢弃这个包：源地址 {source} 不可能来自那里（回环地址，或它自己的地址）。',
    },
    looksLike: 'The kernel logs "martian source" when log_martians is on.',
    remedy: ['{command}'],
  },
  'rule-drop': {
    sentence: {
      en: 'A rule of {owner} in {namespace} drops the packet: {place}: {rule}.',
      zh: '{namespace} 中 {owner} 的一条规则丢弃了这个包：{place}：{rule}。',
    },
    looksLike: 'A time-out (drop), or "Connection refused" and "Destination Port Unreachable" (reject).',
    remedy: ['{command}'],
  },
  'masquerade-missing': {
    sentence: {
      en: 'The packet reaches {receiver} with the source {source}, to which {receiver} knows no way back: it should have been masqueraded in {namespace}.',
      zh: '包以源地址 {source} 到达 {receiver}，而 {receiver} 不知道回去的路：它应当在 {namespace} 做地址伪装。',
    },
    looksLike: 'Requests are seen outside, answers never come.',
    remedy: ['{command}'],
  },
  'not-published': {
    sentence: {
      en: 'Port {port} of {container} is not published, so it is closed to everybody outside its network.',
      zh: '{container} 的端口 {port} 没有发布，网络之外的人都无法访问。',
    },
    looksLike: '"Connection refused" on the host, a time-out from elsewhere.',
    remedy: ['{command}'],
  },
  'published-elsewhere': {
    sentence: {
      en: 'Port {port} of {container} is published, but at {binding}, not at {asked}.',
      zh: '{container} 的端口 {port} 已发布，但在 {binding}，而不是 {asked}。',
    },
    looksLike: '"Connection refused", although `docker ps` shows the port.',
    remedy: ['{command}'],
  },
  'dnat-nowhere': {
    sentence: {
      en: 'The published port leads to {destination}, which nobody has: {place}.',
      zh: '已发布的端口指向 {destination}，但没有人拥有这个地址：{place}。',
    },
    looksLike: '"No route to host" on a published port, mostly after a container went.',
    remedy: ['{command}'],
  },
  'hairpin-off': {
    sentence: {
      en: 'The frame would have to leave {bridge} by {interface}, the port that it came by, and hairpin is off there.',
      zh: '帧需要从进来的端口 {interface} 再离开网桥 {bridge}，而那里没有打开 hairpin。',
    },
    looksLike: 'A container cannot reach its own published port.',
    remedy: ['{command}'],
  },
  'route-localnet-off': {
    sentence: {
      en: 'The packet has a loopback address and leaves by {interface}, where route_localnet is off.',
      zh: '包带有回环地址并从 {interface} 离开，而那里没有打开 route_localnet。',
    },
    looksLike: "A published port works by the host's address, and not by 127.0.0.1.",
    remedy: ['{command}'],
  },
  'conntrack-stale': {
    sentence: {
      en: '{namespace} tracks the flow since before the rules changed, and still sends it to {destination}.',
      zh: '{namespace} 在规则改变之前就已跟踪这个流，仍把它发往 {destination}。',
    },
    looksLike: 'UDP sticks to a container that is gone; new source ports work.',
    remedy: ['{command}'],
  },
  'no-listener': {
    sentence: {
      en: 'The packet arrives at {namespace}, but no program listens on {protocol} port {port}.',
      zh: '包到达了 {namespace}，但没有程序在监听 {protocol} 端口 {port}。',
    },
    looksLike: '"Connection refused".',
    remedy: ['{command}'],
  },
  'listener-loopback': {
    sentence: {
      en: 'The program on {protocol} port {port} in {namespace} listens on {listens} only, which nobody outside that namespace reaches.',
      zh: '{namespace} 中 {protocol} 端口 {port} 上的程序只监听 {listens}，命名空间之外无法访问。',
    },
    looksLike: '"Connection refused" from elsewhere; it works inside the container.',
    remedy: ['{command}'],
  },
  'listener-elsewhere': {
    sentence: {
      en: 'The program on {protocol} port {port} in {namespace} listens on {listens} only, not on {address}.',
      zh: '{namespace} 中 {protocol} 端口 {port} 上的程序只监听 {listens}，而不是 {address}。',
    },
    looksLike: '"Connection refused" at one address of a host, and not at another.',
    remedy: ['{command}'],
  },
  'echo-ignored': {
    sentence: {
      en: '{namespace} is set not to answer pings (icmp_echo_ignore_all).',
      zh: '{namespace} 被设置为不回应 ping (icmp_echo_ignore_all)。',
    },
    looksLike: 'ping fails and TCP works.',
    remedy: ['{command}'],
  },
  'mtu-too-small': {
    sentence: {
      en: '{interface} passes at most {mtu} bytes, and the packet has {size}; layer 2 drops it without telling anybody.',
      zh: '{interface} 最多通过 {mtu} 字节，而包有 {size} 字节；二层直接丢弃，不会通知任何人。',
    },
    looksLike: 'Small packets pass and large ones hang: TLS handshakes, downloads.',
    remedy: ['{command}'],
  },
  'no-return-route': {
    sentence: {
      en: 'The packet arrives, but {namespace} has no route back to {destination}.',
      zh: '包到达了，但 {namespace} 没有回到 {destination} 的路由。',
    },
    looksLike: 'The request is visible in a capture on the receiver, and no answer.',
    remedy: ['{command}'],
  },
  'network-isolated': {
    sentence: {
      en: '{from} and {to} are on different networks ({fromNetwork}, {toNetwork}), which are kept apart.',
      zh: '{from} 和 {to} 在不同的网络上（{fromNetwork}、{toNetwork}），这些网络互相隔离。',
    },
    looksLike: '100 % loss between containers of different networks.',
    remedy: ['{connect}'],
  },
  'network-internal': {
    sentence: {
      en: 'The network {network} is internal: no packet leaves it and none enters.',
      zh: '网络 {network} 是内部网络：没有包能离开，也没有包能进入。',
    },
    looksLike: '"Network is unreachable", or a time-out to everything outside.',
    remedy: ['{connect}'],
  },
  'family-missing': {
    sentence: {
      en: '{namespace} has no {family} address to reach {destination} with.',
      zh: '{namespace} 没有可用于到达 {destination} 的 {family} 地址。',
    },
    looksLike: '"Network is unreachable", "Cannot assign requested address", or only one of A and AAAA works.',
    remedy: ['{command}'],
  },
  'arp-ignored': {
    sentence: {
      en: '{interface} hears the question for {address} and is set not to answer it ({setting}).',
      zh: '{interface} 听到了对 {address} 的询问，但被设置为不回答 ({setting})。',
    },
    looksLike: '"Destination Host Unreachable", although the interface has the address.',
    remedy: ['{command}'],
  },
  'routing-loop': {
    sentence: {
      en: 'The packet goes in circles: {namespace} has seen it before.',
      zh: '包在兜圈子：{namespace} 已经见过它。',
    },
    looksLike: '"Time to live exceeded".',
    remedy: ['{command}'],
  },
} as const satisfies Record<string, Cause>;

export type CauseCode = keyof typeof CATALOGUE;

export const CAUSES: Readonly<Record<CauseCode, Cause>> = CATALOGUE;

export function sentenceOf(code: CauseCode, facts: Facts, language: Language = 'en'): string {
  return fill(CAUSES[code].sentence[language], facts);
}

export function remedyOf(code: CauseCode, facts: Facts): string[] {
  return CAUSES[code].remedy
    .filter((template) => namesIn(template).every((name) => facts[name] !== undefined))
    .map((template) => fill(template, facts));
}

function fill(template: string, facts: Facts): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => facts[name] ?? '?');
}

function namesIn(template: string): string[] {
  return [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
}
