/**
 * @module The way to a sandbox's resolver: what the sandbox sends to port 53 of 127.0.0.11 reaches the resolver's own
 * sockets there, on ports of their own.
 *
 * The ports are rewritten packet by packet, each way, as packets come in on lo: so no traffic of the sandbox is
 * tracked, what goes by another interface meets no rule at all, and a server of the container's own may have port 53.
 * Limits: a refused port is silence to the client, not an error; a UDP query sent without a checksum (SO_NO_CHECK) is
 * lost.
 */

import { parseAddress } from '../../kernel/inet.ts';
import type { NftRequest, Table } from '../../kernel/nftables/batch.ts';
import { PROTOCOLS } from '../../kernel/nftables/data.ts';
import * as expression from '../../kernel/nftables/expressions.ts';
import { addChain, addRule, addTable, type Chain, PRIORITIES } from '../../kernel/nftables/table.ts';
import { RESOLVER_ADDRESS } from './resolv-conf.ts';

const DNS_PORT = 53;
/** EtherType of IPv4, in network byte order. */
const ETH_P_IP = Uint8Array.of(0x08, 0x00);

/** The sandbox's own table. */
export const RESOLVER_TABLE: Table = { family: 'netdev', name: 'pontoon' };
const chain: Chain = {
  table: RESOLVER_TABLE,
  name: 'resolver',
  base: { type: 'filter', hook: 'ingress', device: 'lo', priority: PRIORITIES.filter },
};

/** The ruleset of a sandbox, for `transact` in a namespace that has none yet: `udpPort` and `tcpPort` are the resolver's. */
export function resolverRedirect(udpPort: number, tcpPort: number): NftRequest[] {
  return [
    addTable(RESOLVER_TABLE),
    addChain(chain),
    ...bothWays('udp', udpPort, expression.UDP_CHECKSUM),
    ...bothWays('tcp', tcpPort, expression.TCP_CHECKSUM),
  ];
}

function bothWays(protocol: 'udp' | 'tcp', port: number, checksum: expression.HeaderField): NftRequest[] {
  const rewrite = (
    address: expression.HeaderField,
    portField: expression.HeaderField,
    from: number,
    to: number,
  ): NftRequest =>
    addRule(chain, [
      expression.meta('protocol'),
      expression.equal(ETH_P_IP),
      expression.payload(address),
      expression.equal(parseAddress(RESOLVER_ADDRESS)),
      expression.meta('l4proto'),
      expression.equal(Uint8Array.of(PROTOCOLS[protocol] as number)),
      expression.payload(portField),
      expression.equal(portBytes(from)),
      expression.immediate(portBytes(to)),
      expression.setPayload(portField, checksum),
    ]);
  return [
    rewrite(expression.IPV4_DESTINATION, expression.DESTINATION_PORT, DNS_PORT, port),
    rewrite(expression.IPV4_SOURCE, expression.SOURCE_PORT, port, DNS_PORT),
  ];
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}
