/**
 * @module MAC addresses that follow from IP addresses.
 *
 * A derived MAC is stable and readable, and unique in its segment because the address is. All are locally
 * administered unicast: 02:42 and the four bytes for IPv4 (Docker's form), 06 and five bytes for IPv6.
 */
import { PontoonError } from '../errors.ts';
import { Address } from './address.ts';

const FNV_OFFSET_BASIS = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/**
 * The MAC of an endpoint with this address, as 'xx:xx:xx:xx:xx:xx'.
 * The IPv6 form is the low 40 bits of the address, XORed with a hash of the rest: addresses that share the first
 * 88 bits, as those leased from one pool do, never collide, and any others only by a chance of 2^-40.
 */
export function macFromAddress(address: Address): string {
  if (address.family === 4) return formatMac([0x02, 0x42, ...address.bytes]);
  const low = 40n;
  const rest = new Address(6, (address.value >> low) << low);
  const value = BigInt.asUintN(40, address.value) ^ foldedHash(rest.bytes, low);
  return formatMac([0x06, ...new Address(6, value).bytes.subarray(-5)]);
}

/** Reads a MAC in colon or hyphen form; gives it in colon form, lower case. Throws 'bad-address'. */
export function parseMac(text: string): string {
  const refuse = (why: string) => new PontoonError('bad-address', `${JSON.stringify(text)} ${why}`, { subject: text });
  const match = /^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.exec(text);
  if (match === null) throw refuse('is not a MAC address: write one such as 02:42:ac:11:00:02');
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (Number.parseInt(mac.slice(0, 2), 16) & 1) {
    throw refuse('is a multicast MAC address: make its first byte even, such as 02');
  }
  if (mac === '00:00:00:00:00:00') throw refuse('is the zero MAC address: choose another or leave it out');
  return mac;
}

function formatMac(bytes: number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** FNV-1a of 64 bits, folded to `bits` by XOR. */
function foldedHash(bytes: Uint8Array, bits: bigint): bigint {
  let hash = FNV_OFFSET_BASIS;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
  return BigInt.asUintN(Number(bits), hash ^ (hash >> bits));
}
