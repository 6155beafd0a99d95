/**
 * @module The macvlan driver: each endpoint is an interface with a MAC of its own on top of one of the host's.
 *
 * The endpoints are neighbours of whatever is on the parent's wire. The host itself cannot reach them by the parent
 * (a property of macvlan), and no rules of ours see their traffic.
 */

import { PontoonError } from '../../errors.ts';
import { KernelError } from '../../kernel/error.ts';
import { requireFeature } from '../../kernel/features.ts';
import { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { createMacvlan, deleteLink, getLink, setLink } from '../../kernel/rtnetlink/link.ts';
import { NETLINK_ROUTE } from '../../kernel/uapi/netlink.ts';
import type { Host } from '../host.ts';
import { checkInterfaceName } from '../identity.ts';
import { bringUpInterface, repairInterface } from '../interface.ts';
import { OWNED_GROUP, ownerAlias, ownerOf } from '../ownership.ts';
import { step } from '../step.ts';
import { interfaceTaken, type NetworkDriver, refuseOptions } from './driver.ts';

export const macvlanDriver: NetworkDriver = {
  hasInterfaces: true,

  check(host, spec) {
    refuseOptions(spec, 'macvlan', [
      'bridgeName',
      'gatewayMode4',
      'gatewayMode6',
      'sourceAddress4',
      'sourceAddress6',
      'trustedInterfaces',
      'inhibitIpv4',
    ]);
    if (spec.parent === undefined) {
      throw new PontoonError('bad-value', `a macvlan network needs a parent: name one of the host's interfaces`, {
        subject: spec.name,
      });
    }
    requireFeature('macvlan');
    parentIndex(host, checkInterfaceName(spec.parent));
  },

  ensureNetwork(host, { parent }) {
    requireFeature('macvlan');
    parentIndex(host, parent!);
    return [];
  },

  removeNetwork() {},

  attach(host, sandbox, { network, endpoint, sandboxName }) {
    step(`${endpoint.interfaceName} of ${sandboxName}: link`);
    try {
      host.rt.request(
        createMacvlan({
          name: endpoint.interfaceName!,
          parent: parentIndex(host, network.parent!),
          mode: network.macvlanMode ?? 'bridge',
          mtuBytes: network.mtuBytes,
          namespaceFd: sandbox.namespace.fd,
          group: OWNED_GROUP,
          ...(endpoint.mac === undefined ? {} : { mac: endpoint.mac }),
        }),
      );
    } catch (error) {
      if (!KernelError.isKernel(error, 'EEXIST')) throw error;
      throw interfaceTaken(sandboxName, endpoint.interfaceName!, error);
    }
    step(`${endpoint.interfaceName} of ${sandboxName}: alias`);
    sandbox.rt.request(setLink(endpoint.interfaceName!, { alias: ownerAlias(endpoint.id) }));
    step(`${endpoint.interfaceName} of ${sandboxName}: addresses`);
    try {
      bringUpInterface(sandbox, network, endpoint);
    } catch (error) {
      if (!KernelError.isKernel(error, 'EADDRINUSE')) throw error;
      throw new PontoonError(
        'address-taken',
        `another interface on ${network.parent} has the MAC ${endpoint.mac}: choose another MAC`,
        { cause: error, subject: endpoint.mac! },
      );
    }
  },

  detach(host, sandbox, { endpoint }) {
    const link = sandbox === undefined ? undefined : getLink(sandbox.rt, endpoint.interfaceName!);
    if (sandbox === undefined || link === undefined || ownerOf(link.alias) !== endpoint.id) return;
    // From then on its MAC is free on the parent.
    sandbox.rt.request(setLink(link.index, { up: false }));
    const socket = sandbox.namespace.enter(() => new NetlinkSocket(NETLINK_ROUTE));
    host.reaper.run(async () => {
      using rt = socket;
      await rt.batchAsync([deleteLink(link.index)], ['ENODEV']); // its namespace may go meanwhile
    });
  },

  isForwarding: () => true,

  repair(host, sandbox, attachment) {
    const { network, endpoint, sandboxName } = attachment;
    const link = getLink(sandbox.rt, endpoint.interfaceName!);
    if (link !== undefined) return repairInterface(sandbox, link, network, endpoint, sandboxName);
    this.attach(host, sandbox, attachment);
    return [`${endpoint.interfaceName} of ${sandboxName}: made again, on ${network.parent}`];
  },
};

function parentIndex(host: Host, parent: string): number {
  const link = host.link(parent);
  if (link !== undefined) return link.index;
  throw new PontoonError(
    'bad-value',
    `the host has no interface '${parent}': name one of its interfaces as the parent`,
    {
      subject: parent,
    },
  );
}
