/**
 * @module The names under in-addr.arpa (RFC 1035 section 3.5) and ip6.arpa (RFC 3596 section 2.5) that stand for addresses.
 */

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/;
const IPV6 = /^(?:[0-9a-f]\.){32}ip6\.arpa$/;

/** The address, 4 or 16 bytes, that a lower-case name stands for; undefined when it is no whole address. */
export function addressOfArpa(name: string): Uint8Array | undefined {
  // Nearly every name ends here, without the cost of a pattern.
  if (!name.endsWith('.arpa')) return undefined;
  const ipv4 = IPV4.exec(name);
  if (ipv4 !== null) {
    const bytes = ipv4.slice(1).reverse().map(Number);
    return bytes.every((byte) => byte < 256) ? Uint8Array.from(bytes) : undefined;
  }
  if (!IPV6.test(name)) return undefined;
  const nibbles = name.slice(0, 64).replaceAll('.', '');
  return Buffer.from([...nibbles].reverse().join(''), 'hex');
}
