import { type Answer, decode, encode, type OptAnswer, type Packet, type RecordType } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../kernel/inet.ts';
import { answerLocally } from './answer.ts';
import { NameDirectory } from './directory.ts';
import {
  encodeName,
  FORMERR,
  isResponseTo,
  isTruncated,
  MAX_MESSAGE_BYTES,
  NOERROR,
  NOTIMP,
  parseQuery,
  type Query,
  rcodeOf,
  SERVFAIL,
  udpLimit,
  writeAnswer,
  writeFailure,
  writeRefusal,
} from './message.ts';

const RECURSION_DESIRED = 0x0100;

const label = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));
const type = fc.constantFrom<RecordType>('A', 'AAAA', 'PTR', 'MX', 'TXT', 'SRV');
const opt = fc.record({ udpPayloadSize: fc.integer({ min: 1, max: 65535 }), dnssecOk: fc.boolean() });

const queryPacket = fc.record({ id: fc.nat(65535), rd: fc.boolean(), name, type, opt: fc.option(opt) });
type QueryPacket = typeof queryPacket extends fc.Arbitrary<infer T> ? T : never;

function optRecord({ udpPayloadSize, dnssecOk }: { udpPayloadSize: number; dnssecOk: boolean }): OptAnswer {
  const flags = dnssecOk ? 0x8000 : 0;
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize,
    extendedRcode: 0,
    ednsVersion: 0,
    flags,
    flag_do: dnssecOk,
    options: [],
  };
}

function encodeQuery({ id, rd, name, type, opt }: QueryPacket): Buffer {
  return encode({
    type: 'query',
    id,
    flags: rd ? RECURSION_DESIRED : 0,
    questions: [{ name, type, class: 'IN' }],
    additionals: opt === null ? [] : [optRecord(opt)],
  } as Packet);
}

function query(question: string, kind: RecordType = 'A', edns: QueryPacket['opt'] = null): Buffer {
  return encodeQuery({ id: 7, rd: true, name: question, type: kind, opt: edns });
}

function parsed(message: Buffer): Query {
  const result = parseQuery(message);
  if (typeof result !== 'object') throw new Error(`not a query: ${result}`);
  return result;
}

/** dns-packet's types leave out the rcode of what it decodes. */
function decoded(message: Buffer) {
  return decode(message) as ReturnType<typeof decode> & { rcode: string; answers: Answer[]; additionals: Answer[] };
}

describe('a query', () => {
  test('is read as dns-packet reads it', () => {
    fc.assert(
      fc.property(queryPacket, (packet) => {
        const message = encodeQuery(packet);
        const read = parsed(message);
        expect(read.name).toBe(packet.name.toLowerCase());
        expect(read.class).toBe(1);
        expect(message.readUInt16BE(read.questionEnd - 4)).toBe(read.type);
        expect(read.edns?.udpBytes).toBe(packet.opt?.udpPayloadSize);
        expect(read.edns?.dnssecOk).toBe(packet.opt?.dnssecOk);
      }),
    );
  });

  test('for the root has the empty name', () => {
    expect(parsed(query('.')).name).toBe('');
  });

  test('with a dot inside a label is not mistaken for two labels', () => {
    const message = Buffer.concat([query('aXb')]);
    message[14] = 0x2e;
    expect(parsed(message).name).toBe('a\0b');
  });

  test('of 255 bytes is read, a longer one refused', () => {
    const longest = [63, 63, 63, 61].map((length) => 'x'.repeat(length)).join('.');
    expect(parsed(query(longest)).name).toBe(longest);
    expect(parseQuery(query(`${longest}x`))).toBe(FORMERR);
  });

  test('is refused when malformed, and not answered at all when it is no query', () => {
    const good = query('web', 'A', { udpPayloadSize: 1232, dnssecOk: false });
    const changed = (change: (message: Buffer) => void) => {
      const message = Buffer.from(good);
      change(message);
      return parseQuery(message);
    };
    expect(parseQuery(good.subarray(0, 11))).toBeUndefined();
    expect(changed((m) => m.writeUInt8(0x80, 2))).toBeUndefined();
    expect(changed((m) => m.writeUInt8(0x28, 2))).toBe(NOTIMP);
    expect(changed((m) => m.writeUInt16BE(0, 4))).toBe(FORMERR);
    expect(changed((m) => m.writeUInt16BE(2, 4))).toBe(FORMERR);
    expect(changed((m) => m.writeUInt16BE(2, 10))).toBe(FORMERR);
    expect(changed((m) => m.writeUInt16BE(0xc00c, 12))).toBe(FORMERR);
    for (let length = 12; length < good.length; length++) expect(parseQuery(good.subarray(0, length))).toBe(FORMERR);
    expect(rcodeOf(writeRefusal(good, FORMERR))).toBe(FORMERR);
    expect(writeRefusal(good, FORMERR).readUInt16BE(0)).toBe(7);
  });
});

describe('an answer', () => {
  test('is decoded by dns-packet as it was meant', () => {
    const data = fc.oneof(
      fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { maxLength: 12 }),
      fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { maxLength: 12 }),
    );
    fc.assert(
      fc.property(queryPacket, data, (packet, addresses) => {
        const asked: QueryPacket = { ...packet, type: addresses[0]?.length === 16 ? 'AAAA' : 'A' };
        const message = encodeQuery(asked);
        const answer = decoded(writeAnswer(message, parsed(message), addresses, MAX_MESSAGE_BYTES));
        expect(answer).toMatchObject({
          id: asked.id,
          type: 'response',
          rcode: 'NOERROR',
          flag_aa: true,
          flag_tc: false,
          flag_rd: asked.rd,
          flag_ra: true,
          flag_ad: false,
          questions: [{ name: asked.name, type: asked.type, class: 'IN' }],
        });
        const texts = answer.answers.map((record) => {
          expect(record).toMatchObject({ name: asked.name, type: asked.type, class: 'IN', ttl: 0 });
          return (record as { data: string }).data;
        });
        expect(texts.sort()).toEqual(addresses.map((address) => formatAddress(address)).sort());
        expect(answer.additionals).toHaveLength(asked.opt === null ? 0 : 1);
        if (asked.opt !== null) {
          expect(answer.additionals[0]).toMatchObject({ type: 'OPT', ednsVersion: 0, flag_do: asked.opt.dnssecOk });
        }
      }),
    );
  });

  test('never exceeds its limit, and says when something was left out', () => {
    fc.assert(
      fc.property(queryPacket, fc.nat(400), (packet, count) => {
        const asked: QueryPacket = { ...packet, type: 'A' };
        const message = encodeQuery(asked);
        const addresses = Array.from({ length: count }, (_, i) => Uint8Array.of(10, 0, i >> 8, i));
        const read = parsed(message);
        const limit = udpLimit(read);
        const bytes = writeAnswer(message, read, addresses, limit);
        const answer = decoded(bytes);
        expect(limit).toBe(Math.min(65_507, Math.max(512, asked.opt?.udpPayloadSize ?? 0)));
        expect(bytes.length).toBeLessThanOrEqual(limit);
        expect(answer.flag_tc).toBe(answer.answers.length < count);
        if (answer.flag_tc) expect(bytes.length + 16).toBeGreaterThan(limit);
        expect(new Set(answer.answers.map((record) => (record as { data: string }).data)).size).toBe(
          answer.answers.length,
        );
      }),
    );
  });

  test('puts each of several addresses first about equally often', () => {
    const message = query('api');
    const addresses = [1, 2, 3, 4].map((last) => Uint8Array.of(10, 0, 0, last));
    const first = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const record = decoded(writeAnswer(message, parsed(message), addresses, 512)).answers[0] as { data: string };
      first.set(record.data, (first.get(record.data) ?? 0) + 1);
    }
    // 1000 each is expected; 200 off is more than seven standard deviations.
    for (const count of first.values()) expect(Math.abs(count - 1000)).toBeLessThan(200);
    expect(first.size).toBe(4);
  });

  test('of failure has the question, the RCODE and no authority', () => {
    const message = query('web', 'MX', { udpPayloadSize: 4096, dnssecOk: true });
    const answer = decoded(writeFailure(message, parsed(message), SERVFAIL));
    expect(answer).toMatchObject({ id: 7, rcode: 'SERVFAIL', flag_aa: false, flag_ra: true, answers: [] });
    expect(answer.questions).toMatchObject([{ name: 'web', type: 'MX' }]);
  });
});

describe('from the directory', () => {
  const directory = new NameDirectory();
  directory.set({
    id: 'web',
    sandboxId: 's',
    networkId: 'n',
    networkName: 'front',
    names: ['web', 'www.example'],
    ipv4: '10.0.0.2',
    ipv6: 'fd00::2',
  });
  directory.set({
    id: 'old',
    sandboxId: 'o',
    networkId: 'n',
    networkName: 'front',
    names: ['x'.repeat(64)],
    ipv4: '10.0.0.3',
  });
  const ask = (question: string, kind: RecordType, edns: QueryPacket['opt'] = null) => {
    const message = query(question, kind, edns);
    return answerLocally(directory, 's', message, parsed(message), 512);
  };
  const records = (question: string, kind: RecordType) => {
    const answer = ask(question, kind);
    return answer && decoded(answer).answers.map((record) => (record as { data: unknown }).data);
  };

  test('addresses, reverse names, and nothing for other types of a known name', () => {
    expect(records('WEB', 'A')).toEqual(['10.0.0.2']);
    expect(records('www.example.front', 'AAAA')).toEqual(['fd00::2']);
    expect(records('2.0.0.10.in-addr.arpa', 'PTR')).toEqual(['web.front']);
    expect(records(`2.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`, 'PTR')).toEqual(['web.front']);
    for (const kind of ['MX', 'TXT', 'SRV', 'CNAME'] as const) expect(records('web', kind)).toEqual([]);
    expect(records('2.0.0.10.in-addr.arpa', 'A')).toEqual([]);
    expect(records('3.0.0.10.in-addr.arpa', 'PTR'), 'no label is that long').toEqual([]);
  });

  test('undefined for what others know', () => {
    expect(records('example', 'A')).toBeUndefined();
    expect(records('4.0.0.10.in-addr.arpa', 'PTR')).toBeUndefined();
    const chaos = query('web');
    chaos.writeUInt16BE(3, chaos.length - 2);
    expect(answerLocally(directory, 's', chaos, parsed(chaos), 512)).toBeUndefined();
  });

  test('BADVERS to an EDNS version that does not exist yet', () => {
    const message = query('web', 'A', { udpPayloadSize: 1232, dnssecOk: false });
    message[message.length - 5] = 1;
    const answer = decoded(answerLocally(directory, 's', message, parsed(message), 512) as Buffer);
    expect(answer.additionals[0]).toMatchObject({ type: 'OPT', extendedRcode: 1, ednsVersion: 0 });
    expect(answer.answers).toEqual([]);
  });

  test('no bytes at all make it fail, and every answer can be decoded', () => {
    const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array));
    const mutated = fc
      .tuple(queryPacket, fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }), fc.nat(80))
      .map(([packet, changes, length]) => {
        const message = encodeQuery(packet);
        for (const [at, value] of changes) message[at % message.length] = value;
        return message.subarray(0, length);
      });
    fc.assert(
      fc.property(fc.oneof(bytes, mutated), (message) => {
        const read = parseQuery(message);
        if (read === undefined) return;
        if (typeof read === 'number') {
          expect(decoded(writeRefusal(message, read)).flag_qr).toBe(true);
          return;
        }
        const answer =
          answerLocally(directory, 's', message, read, udpLimit(read)) ?? writeFailure(message, read, SERVFAIL);
        expect(decoded(answer).id).toBe(message.readUInt16BE(0));
      }),
      { numRuns: 2000 },
    );
  });
});

test('a response is recognised by ID and question, whatever its case', () => {
  const message = query('www.Example');
  const { questionEnd } = parsed(message);
  const response = writeFailure(message, parsed(message), SERVFAIL);
  expect(isResponseTo(message, questionEnd, response)).toBe(true);
  expect(isResponseTo(query('WWW.eXAMPLE'), questionEnd, response)).toBe(true);
  expect(isResponseTo(query('www.Examplf'), questionEnd, response)).toBe(false);
  expect(isResponseTo(query('www.Example', 'AAAA'), questionEnd, response)).toBe(false);
  expect(isResponseTo(message, questionEnd, message)).toBe(false);
  expect(isResponseTo(message, questionEnd, response.subarray(0, questionEnd - 1))).toBe(false);
  const bare = writeRefusal(message, FORMERR);
  expect(isResponseTo(message, questionEnd, bare)).toBe(true);
  expect(isResponseTo(message, questionEnd, writeRefusal(message, NOERROR))).toBe(false);
  expect(isResponseTo(message, questionEnd, bare.subarray(0, 11))).toBe(false);
  response.writeUInt16BE(8, 0);
  expect(isResponseTo(message, questionEnd, response)).toBe(false);
  expect(isTruncated(response)).toBe(false);
});

test('encodeName knows the limits of names', () => {
  expect(encodeName('web.front')).toEqual(Buffer.from('\x03web\x05front\0'));
  expect(encodeName(`${'x'.repeat(63)}.net`)).toBeDefined();
  expect(encodeName(`${'x'.repeat(64)}.net`)).toBeUndefined();
  expect(encodeName('a..b')).toBeUndefined();
  expect(encodeName(Array(64).fill('abc').join('.'))).toBeUndefined();
});
