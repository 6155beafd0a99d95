/** @module The default network: a bridge with the gateway's address, and one table of rules. */

import type { Stage } from '../stage.ts';

export async function showDefaultNetwork(stage: Stage): Promise<void> {
  const { bridgeName = '', subnets } = stage.engine.inspectNetwork('bridge');
  stage.sameAs('docker network ls; docker network inspect bridge');
  stage.output([...subnets.map(({ subnet, gateway }) => `${bridgeName}  ${subnet}  gateway ${gateway}`)]);
  const { stdout: link } = await stage.show('host', `ip -brief address show ${bridgeName}`);
  const { stdout: tables } = await stage.show('host', 'nft list tables');
  const gateway = subnets[0]?.gateway ?? '';
  stage.check(stage.text.network.gateway(bridgeName, gateway), link.includes(` ${gateway}/`));
  stage.check(stage.text.network.rules, tables.trim() === 'table inet pontoon');
}
