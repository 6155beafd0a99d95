/** @module The default network: a bridge with the gateway's address, and one table of rules. */

import type { Stage } from '../stage.ts';

export const BRIDGE = 'pontoon0';

export async function showDefaultNetwork(stage: Stage): Promise<void> {
  const { stdout: gateway } = await stage.docker(
    `network inspect bridge --format '{{range .IPAM.Config}}{{println .Subnet .Gateway}}{{end}}'`,
  );
  const { stdout: link } = await stage.show('host', `ip -brief address show ${BRIDGE}`);
  const { stdout: tables } = await stage.show('host', 'nft list tables');
  stage.check(
    stage.text.network.gateway(BRIDGE, '172.17.0.1'),
    gateway.startsWith('172.17.0.0/16 172.17.0.1') && link.includes(' 172.17.0.1/16'),
  );
  stage.check(stage.text.network.rules, tables.trim() === 'table inet pontoon');
}
