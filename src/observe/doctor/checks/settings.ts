/**
 * @module Settings that decide for many: bridged frames in the IP rules, IPv6 switched off, name servers that are away.
 */

import { inNamespace } from '../../explain/model.ts';
import { caused, condition, type Finding } from '../finding.ts';
import type { Patient } from '../patient.ts';

/** Where engines serve names inside a container's own stack. */
const EMBEDDED = '127.0.0.11';

export function checkSettings(patient: Patient): Finding[] {
  return [...bridgeNetfilter(patient), ...ipv6Disabled(patient), ...resolvers(patient)];
}

/** Nothing is wrong with it, but then IP rules drop frames between containers of one network, too. */
function bridgeNetfilter({ host }: Patient): Finding[] {
  const { callIptables, callIp6tables } = host?.namespace.settings.bridge ?? {};
  const bridge = host?.namespace.links.find((link) => link.bridge !== undefined);
  if (host === undefined || bridge === undefined || (callIptables !== true && callIp6tables !== true)) return [];
  const sentence =
    'br_netfilter is on: frames between members of one bridge pass the IP rules as well, so that a rule for routed packets can drop them.';
  return [condition('notice', 'bridge-netfilter', { namespace: host.name, interface: '' }, sentence)];
}

function ipv6Disabled({ host, model, snapshot }: Patient): Finding[] {
  return snapshot.networks.flatMap(({ subnets, bridge, name, engine }) => {
    const subnet = subnets.find((one) => one.subnet.includes(':'))?.subnet;
    const link = bridge === undefined ? undefined : host?.linkNamed(bridge);
    if (subnet === undefined || host === undefined || link === undefined) return [];
    const inside = snapshot.containers
      .filter((one) => one.engine === engine && one.networks.some(({ network }) => network === name))
      .flatMap(({ namespace }) => model.stack(namespace) ?? []);
    const off = [host, ...inside.filter((stack) => stack !== host)].find((stack) =>
      stack === host
        ? link.ipv6?.disabled === true || host.namespace.settings.ipv6 === undefined
        : [...stack.links].some((one) => one.peer !== undefined && one.ipv6?.disabled === true),
    );
    if (off === undefined) return [];
    const facts = {
      namespace: off.name,
      family: 'IPv6',
      destination: `${subnet} of the network ${name}`,
      command: inNamespace(off, 'sysctl -w net.ipv6.conf.all.disable_ipv6=0'),
    };
    return [
      caused('warning', 'family-missing', { namespace: off.name, interface: off === host ? link.name : '' }, facts),
    ];
  });
}

function resolvers({ model, snapshot }: Patient): Finding[] {
  return snapshot.containers.flatMap(({ namespace, networkMode, resolver, name, engine }) => {
    const stack = model.stack(namespace);
    if (stack === undefined || stack.isHost || resolver === undefined || networkMode === 'none') return [];
    const at = { namespace: stack.name, interface: '' };
    if (resolver.nameservers.length === 0) {
      const sentence = `${name} has no name server in ${resolver.directory}/resolv.conf: it can look up nothing but its hosts file.`;
      return [condition('warning', 'name-unknown', at, sentence, [`${engine} run --dns ADDRESS …`])];
    }
    const isServed = stack.namespace.sockets.some(({ address }) => address === EMBEDDED);
    if (!resolver.nameservers.includes(EMBEDDED) || isServed) return [];
    const sentence = `${name} asks ${EMBEDDED} for names, and nobody is there: the daemon of ${engine} is away.`;
    return [condition('warning', 'resolver-away', at, sentence, [`systemctl start ${engine}`])];
  });
}
