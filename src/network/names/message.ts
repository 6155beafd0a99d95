/**
 * @module DNS messages (RFC 1035 section 4), as little of them as an embedded resolver needs.
 *
 * A query is read for its one question and its EDNS size, and an answer is the question again with records of the
 * type that was asked for. Everything else passes through as bytes: what a container asks of the outside, and what
 * it is told, is never decoded and encoded again, so no record type can be lost on the way. This is the one codec in
 * use, small enough to be fast; dns-packet checks it in the tests.
 */

export const TYPE_A = 1;
export const TYPE_PTR = 12;
export const TYPE_AAAA = 28;
export const TYPE_OPT = 41;

export const CLASS_IN = 1;

export const NOERROR = 0;
export const FORMERR = 1;
export const SERVFAIL = 2;
export const NXDOMAIN = 3;
export const NOTIMP = 4;
export const REFUSED = 5;
/** RFC 6891 section 9. It does not fit the header's four bits; the rest is in the OPT record. */
export const BADVERS = 16;

/** What a client can take over UDP when it does not say (RFC 1035 section 4.2.1). */
export const PLAIN_UDP_BYTES = 512;
/** What one IPv4 datagram can carry. */
const MAX_UDP_BYTES = 65_507;
export const MAX_MESSAGE_BYTES = 65_535;

/**
 * How long, in seconds, a client may keep an answer of ours: not at all. Endpoints come, go and move between networks
 * at any moment, asking again costs microseconds, and a kept address is a wrong one sooner or later.
 * (Docker says 600, which has kept proxies talking to dead containers; aardvark-dns came down to 0.)
 */
const TTL_SECONDS = 0;

const HEADER_BYTES = 12;
const OPT_BYTES = 11;
/** Pointer to the question's name, type, class, TTL, length: what stands before a record's data. */
const RECORD_HEADER_BYTES = 12;
/** What we say that we take over UDP: what fits every path without fragments (DNS flag day 2020). */
const OUR_UDP_BYTES = 1232;

const QR = 0x8000;
const OPCODE = 0x7800;
const AA = 0x0400;
const TC = 0x0200;
const RD = 0x0100;
const RA = 0x0080;
const CD = 0x0010;
const DNSSEC_OK = 0x8000;

/** A well-formed query with one question. */
export interface Query {
  /** The name asked for: lower case, no final dot. The root is ''. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question section ends. */
  readonly questionEnd: number;
  /** The OPT record's contents (RFC 6891); undefined when the client does not speak EDNS. */
  readonly edns: Edns | undefined;
}

export interface Edns {
  readonly udpBytes: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

/**
 * Reads a client's message. A number is the RCODE to refuse it with (FORMERR, NOTIMP); undefined means that no answer
 * may be given, because the message is no query: answers to answers go round for ever.
 */
export function parseQuery(message: Buffer): Query | number | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = message.readUInt16BE(2);
  if ((flags & QR) !== 0) return undefined;
  if ((flags & OPCODE) !== 0) return NOTIMP;
  // More than one question has no meaning (RFC 9619).
  if (message.readUInt16BE(4) !== 1) return FORMERR;
  const nameEnd = labelsEnd(message, HEADER_BYTES);
  if (nameEnd === undefined || nameEnd + 4 > message.length) return FORMERR;
  const questionEnd = nameEnd + 4;
  const edns = parseEdns(message, questionEnd);
  if (edns === null) return FORMERR;
  return {
    name: readName(message, HEADER_BYTES, nameEnd),
    type: message.readUInt16BE(nameEnd),
    class: message.readUInt16BE(nameEnd + 2),
    questionEnd,
    edns,
  };
}

/** The largest answer that the client of a query takes over UDP. */
export function udpLimit(query: Query): number {
  return Math.min(Math.max(PLAIN_UDP_BYTES, query.edns?.udpBytes ?? 0), MAX_UDP_BYTES);
}

/**
 * The answer to a query from what we know ourselves: NOERROR with one record of the query's type for each element of
 * `data` (none: the name exists, but not with this type). What does not fit `limit` bytes is left out and TC set, so
 * that the client asks again over TCP. Of several records, which come first is random: that is the round robin, and
 * random so that no client can fall in step with another.
 */
export function writeAnswer(message: Buffer, query: Query, data: readonly Uint8Array[], limit: number): Buffer {
  const room = limit - query.questionEnd - (query.edns === undefined ? 0 : OPT_BYTES);
  const recordBytes = RECORD_HEADER_BYTES + (data[0]?.length ?? 0);
  const count = Math.min(data.length, Math.floor(room / recordBytes));
  const answer = writeHead(message, query, NOERROR, count * recordBytes);
  const flags = answer.readUInt16BE(2) | AA | (count < data.length ? TC : 0);
  answer.writeUInt16BE(flags, 2);
  answer.writeUInt16BE(count, 6);
  let offset = query.questionEnd;
  for (const bytes of data.length > 1 ? sample(data, count) : data.slice(0, count)) {
    answer.writeUInt16BE(0xc000 | HEADER_BYTES, offset);
    answer.writeUInt16BE(query.type, offset + 2);
    answer.writeUInt16BE(CLASS_IN, offset + 4);
    answer.writeUInt32BE(TTL_SECONDS, offset + 6);
    answer.writeUInt16BE(bytes.length, offset + 10);
    answer.set(bytes, offset + RECORD_HEADER_BYTES);
    offset += recordBytes;
  }
  return answer;
}

/** An answer without records, for what cannot be answered. */
export function writeFailure(message: Buffer, query: Query, rcode: number): Buffer {
  return writeHead(message, query, rcode, 0);
}

/** The answer to a message that could not be read: its ID and the RCODE. */
export function writeRefusal(message: Buffer, rcode: number): Buffer {
  const answer = Buffer.alloc(HEADER_BYTES);
  message.copy(answer, 0, 0, 2);
  answer.writeUInt16BE(QR | (message.readUInt16BE(2) & (OPCODE | RD)) | rcode, 2);
  return answer;
}

/** A domain name on the wire; undefined when a label or the whole is too long for one (63 and 255 bytes). */
export function encodeName(name: string): Buffer | undefined {
  const parts: Buffer[] = [];
  for (const label of name.split('.')) {
    const bytes = Buffer.from(label);
    if (bytes.length === 0 || bytes.length > 63) return undefined;
    parts.push(Buffer.of(bytes.length), bytes);
  }
  parts.push(Buffer.of(0));
  const encoded = Buffer.concat(parts);
  return encoded.length <= 255 ? encoded : undefined;
}

/**
 * Whether `response` answers `query`, a message whose question ends at `questionEnd`: same ID, same question. A server
 * that reports an error may leave the question out, as one does that could not read it.
 */
export function isResponseTo(query: Buffer, questionEnd: number, response: Buffer): boolean {
  if (response.length < HEADER_BYTES || response.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  if ((response.readUInt16BE(2) & (QR | OPCODE)) !== QR) return false;
  if (!hasQuestion(response)) return rcodeOf(response) !== NOERROR;
  if (response.readUInt16BE(4) !== 1 || response.length < questionEnd) return false;
  for (let i = HEADER_BYTES; i < questionEnd; i++) {
    if (lowerCase(response[i] as number) !== lowerCase(query[i] as number)) return false;
  }
  return true;
}

export function hasQuestion(response: Buffer): boolean {
  return response.readUInt16BE(4) !== 0;
}

export function rcodeOf(response: Buffer): number {
  return response.readUInt16BE(2) & 0xf;
}

export function isTruncated(response: Buffer): boolean {
  return (response.readUInt16BE(2) & TC) !== 0;
}

/** Header, question and OPT of an answer, with a gap of `gap` bytes for records behind the question. */
function writeHead(message: Buffer, query: Query, rcode: number, gap: number): Buffer {
  const { edns, questionEnd } = query;
  const answer = Buffer.allocUnsafe(questionEnd + gap + (edns === undefined ? 0 : OPT_BYTES));
  message.copy(answer, 0, 0, questionEnd);
  answer.writeUInt16BE(QR | (message.readUInt16BE(2) & (RD | CD)) | RA | (rcode & 0xf), 2);
  answer.writeUInt32BE(0, 6);
  answer.writeUInt16BE(0, 10);
  if (edns !== undefined) {
    // Who asks with an OPT record is answered with one (RFC 6891 section 7); the DO bit is copied (RFC 3225).
    const opt = questionEnd + gap;
    answer.writeUInt16BE(1, 10);
    answer[opt] = 0;
    answer.writeUInt16BE(TYPE_OPT, opt + 1);
    answer.writeUInt16BE(OUR_UDP_BYTES, opt + 3);
    answer[opt + 5] = rcode >> 4;
    answer[opt + 6] = 0;
    answer.writeUInt16BE(edns.dnssecOk ? DNSSEC_OK : 0, opt + 7);
    answer.writeUInt16BE(0, opt + 9);
  }
  return answer;
}

/** Where a name of plain labels ends; undefined when it does not, or is longer than 255 bytes. */
function labelsEnd(message: Buffer, start: number): number | undefined {
  let offset = start;
  while (offset < message.length && offset - start < 255) {
    const length = message[offset] as number;
    if (length === 0) return offset + 1;
    // 0xc0 would be a pointer, and in the first name of a message there is nothing to point to.
    if (length > 63) return undefined;
    offset += 1 + length;
  }
  return undefined;
}

const nameBytes = Buffer.alloc(255);

/** The text of the labels in [start, end). A dot inside a label is no separator, so it must not look like one. */
function readName(message: Buffer, start: number, end: number): string {
  let labelEnd = start;
  for (let i = start; i < end; i++) {
    const byte = message[i] as number;
    if (i === labelEnd) {
      nameBytes[i - start] = DOT;
      labelEnd = i + 1 + byte;
    } else {
      nameBytes[i - start] = byte === DOT ? 0 : lowerCase(byte);
    }
  }
  // The first length byte and the root's stand at the ends.
  return nameBytes.toString('utf8', 1, Math.max(1, end - start - 1));
}

const DOT = 0x2e;

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** The OPT record among the records that follow the question; undefined when there is none, null when they are malformed. */
function parseEdns(message: Buffer, start: number): Edns | undefined | null {
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
  let edns: Edns | undefined;
  let offset = start;
  for (let i = 0; i < records; i++) {
    const isRoot = message[offset] === 0;
    const nameEnd = nameEndOf(message, offset);
    if (nameEnd === undefined || nameEnd + 10 > message.length) return null;
    const end = nameEnd + 10 + message.readUInt16BE(nameEnd + 8);
    if (end > message.length) return null;
    if (message.readUInt16BE(nameEnd) === TYPE_OPT) {
      if (!isRoot || edns !== undefined) return null;
      edns = {
        udpBytes: message.readUInt16BE(nameEnd + 2),
        version: message[nameEnd + 5] as number,
        dnssecOk: (message.readUInt16BE(nameEnd + 6) & DNSSEC_OK) !== 0,
      };
    }
    offset = end;
  }
  return edns;
}

/** Where a name ends that may end in a pointer. Pointers are not followed, so they cannot go round. */
function nameEndOf(message: Buffer, start: number): number | undefined {
  for (let offset = start; offset < message.length; ) {
    const length = message[offset] as number;
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2;
    if (length > 63) return undefined;
    offset += 1 + length;
  }
  return undefined;
}

/** `count` elements, each as likely as the others and in random order (Fisher and Yates, stopped early). */
function sample<T>(all: readonly T[], count: number): T[] {
  const rest = all.slice();
  for (let i = 0; i < count; i++) {
    const chosen = i + Math.floor(Math.random() * (rest.length - i));
    [rest[i], rest[chosen]] = [rest[chosen] as T, rest[i] as T];
  }
  return rest.slice(0, count);
}
