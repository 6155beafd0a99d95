/**
 * @module An explanation in words: the way on one line, each hop with its evidence, the verdict; or the same as a story
 * for somebody who learns, from the sender's first look at its routes to the receiver's decision.
 */

import { CAUSES, type Language, sentenceOf } from './causes.ts';
import type { Direction, Evidence, Explanation, Hop } from './outcome.ts';

const WORDS = {
  en: {
    forward: 'there',
    return: 'back',
    reachable: 'REACHABLE',
    unreachable: 'UNREACHABLE',
    unknown: 'CANNOT TELL',
    at: 'at',
    try: 'to mend it',
    doubt: 'not known from a snapshot',
    see: 'see it',
  },
  zh: {
    forward: '去程',
    return: '回程',
    reachable: '可达',
    unreachable: '不可达',
    unknown: '无法判断',
    at: '位置',
    try: '修复方法',
    doubt: '快照中无法得知',
    see: '自己看',
  },
} as const;

/** What each kind of fact is about, before the fact itself. */
const LESSONS: Readonly<Record<Language, Readonly<Record<Evidence['kind'], string>>>> = {
  en: {
    name: 'A name must become an address first.',
    route: 'Is the address mine? If not, the routing table says by which interface, and through which router, it goes.',
    source: 'A packet needs a source address, so that an answer can come: the one that fits the way out.',
    neighbour: 'On a cable, frames go to MAC addresses. Who has this IP address? Asked once, then remembered.',
    flood:
      'The bridge does not know behind which port this MAC is (or the frame is for all), so it sends it to every port, like a hub.',
    fdb: 'The bridge has learned behind which port this MAC is, and sends the frame there only: a switch.',
    filter: 'The packet filter looks at it.',
    nat: 'Address translation rewrites it: MAC addresses change at every router, IP addresses only here.',
    mtu: 'Is it small enough for the link?',
    setting: 'A setting of the kernel decides.',
    listener: 'The destination MAC is mine, the destination IP is mine: which program gets it?',
    link: 'The link.',
    note: 'Note.',
  },
  zh: {
    name: '首先要把名字变成地址。',
    route: '这个地址是我自己的吗？如果不是，路由表决定从哪个接口、经过哪个路由器出去。',
    source: '包需要一个源地址，应答才能回来：选与出口相配的那个。',
    neighbour: '在一根网线上，帧是发给 MAC 地址的。谁拥有这个 IP 地址？问一次，然后记住。',
    flood: '网桥不知道这个 MAC 在哪个端口后面（或者这一帧是发给所有人的），于是像集线器一样发往每个端口。',
    fdb: '网桥已经学到这个 MAC 在哪个端口后面，只往那里发：这就是交换机。',
    filter: '包过滤器检查它。',
    nat: '地址转换改写它：MAC 地址在每个路由器都会变，IP 地址只在这里变。',
    mtu: '它对这条链路来说够小吗？',
    setting: '由内核的一个设置决定。',
    listener: '目的 MAC 是我的，目的 IP 也是我的：交给哪个程序？',
    link: '链路。',
    note: '注。',
  },
};

/** 'eth0@web → veth3a1 → pontoon0 → veth9c2 → eth0@db'. */
export function wayOf({ hops }: Explanation, direction: Direction): string {
  return hops
    .filter((hop) => hop.direction === direction)
    .map(({ label }) => label)
    .join(' → ');
}

/** The explanation for people who know the words. */
export function describeExplanation(explanation: Explanation, language: Language = 'en'): string {
  const words = WORDS[language];
  const lines: string[] = [];
  for (const direction of ['forward', 'return'] as const) {
    const hops = explanation.hops.filter((hop) => hop.direction === direction);
    if (hops.length === 0) continue;
    lines.push(`${words[direction]}: ${wayOf(explanation, direction)}`);
    for (const { label, evidence } of hops) for (const { text } of evidence) lines.push(`    ${label}: ${text}`);
  }
  if (lines.length > 0) lines.push('');
  lines.push(...verdictOf(explanation, language));
  return lines.join('\n');
}

/** The explanation as a story, with the commands to see each fact oneself. */
export function teach(explanation: Explanation, language: Language = 'en'): string {
  const words = WORDS[language];
  const lines: string[] = [];
  const told = new Set<Evidence['kind']>();
  let number = 0;
  for (const direction of ['forward', 'return'] as const) {
    const hops = explanation.hops.filter((hop) => hop.direction === direction);
    if (hops.length === 0) continue;
    lines.push(`== ${words[direction]}: ${wayOf(explanation, direction)}`, '');
    for (const hop of hops) {
      number += 1;
      lines.push(...chapter(number, hop, told, language));
    }
  }
  lines.push(...verdictOf(explanation, language));
  if (explanation.cause !== null && language === 'en')
    lines.push('', `It looks like this: ${CAUSES[explanation.cause].looksLike}`);
  return lines.join('\n');
}

/** Each lesson is told once: at the first hop that needs it. */
function chapter(number: number, { label, evidence }: Hop, told: Set<Evidence['kind']>, language: Language): string[] {
  const lines = [`${number}. ${label}`];
  for (const { kind, text, command } of evidence) {
    if (!told.has(kind)) lines.push(`   ${LESSONS[language][kind]}`);
    told.add(kind);
    lines.push(`     ${text}`);
    if (command !== undefined) lines.push(`     ${WORDS[language].see}: ${command}`);
  }
  return [...lines, ''];
}

function verdictOf(
  { verdict, cause, at, direction, sentence, remedy, doubts, facts }: Explanation,
  language: Language,
): string[] {
  const words = WORDS[language];
  const where =
    at === null || (at.interface === '' && at.namespace === '')
      ? ''
      : `, ${words.at} ${at.interface === '' ? at.namespace : `${at.interface}@${at.namespace}`}, ${words[direction]}`;
  const said = cause === null || language === 'en' ? sentence : sentenceOf(cause, facts, language);
  return [
    `${words[verdict]}${cause === null ? '' : `: ${cause}`}${where}`,
    `  ${said}`,
    ...remedy.map((command) => `  ${words.try}: ${command}`),
    ...doubts.map((doubt) => `  ${words.doubt}: ${doubt}`),
  ];
}
