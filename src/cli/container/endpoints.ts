/**
 * @module The networks of a container to be: --network in its short and long form, and the flags that speak of the first.
 * @see docker/cli, opts/network.go and command/container/opts.go, parseNetworkOpts
 */

import { PontoonError } from '../../errors.ts';
import { withoutUndefined } from '../values.ts';
import type { CreateFlags } from './flags.ts';

/** EndpointSettings of the API. */
export interface EndpointSettings {
  Aliases?: readonly string[];
  Links?: readonly string[];
  DriverOpts?: Record<string, string>;
  GwPriority?: number;
  MacAddress?: string;
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: readonly string[] };
}

interface Attachment {
  network: string;
  aliases?: string[];
  ip?: string;
  ip6?: string;
  mac?: string;
  linkLocalIps?: string[];
  driverOptions?: Record<string, string>;
  gatewayPriority?: number;
  links?: readonly string[];
}

/** What NetworkingConfig and NetworkMode are. @throws PontoonError bad-value */
export function endpointsOf(flags: CreateFlags): {
  readonly mode: string;
  readonly endpoints: Readonly<Record<string, EndpointSettings>> | undefined;
} {
  const attachments = [...(flags.network ?? []), ...(flags.net ?? [])].map(parseNetwork);
  const [first = { network: 'default' }, ...others] = attachments;
  const all = [withFlags(first, flags), ...others];
  const endpoints: Record<string, EndpointSettings> = {};
  for (const attachment of all) {
    const { network } = attachment;
    if (network in endpoints) throw refuse(network, 'it is given twice');
    if (network.startsWith('container:') && all.length > 1) throw refuse(network, 'it excludes all others');
    endpoints[network] = settingsOf(attachment);
  }
  const isPlain = Object.values(endpoints).every((settings) => Object.keys(settings).length === 0);
  const isAlone = first.network === 'default' || first.network.startsWith('container:');
  return { mode: first.network, endpoints: isPlain && isAlone ? undefined : endpoints };
}

/** NAME, or comma-separated fields of which name= is one. */
export function parseNetwork(text: string): Attachment {
  if (!/^\w+=\w+/.test(text)) return { network: text };
  const attachment: Attachment = { network: '' };
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    const [key, value] = [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1).trim()];
    if (equals < 0) throw refuse(text, `'${field}' is not KEY=VALUE`);
    switch (key) {
      case 'name':
        attachment.network = value;
        break;
      case 'alias':
        attachment.aliases = [...(attachment.aliases ?? []), value];
        break;
      case 'ip':
        attachment.ip = value;
        break;
      case 'ip6':
        attachment.ip6 = value;
        break;
      case 'mac-address':
        attachment.mac = value;
        break;
      case 'link-local-ip':
        attachment.linkLocalIps = [...(attachment.linkLocalIps ?? []), value];
        break;
      case 'driver-opt':
        attachment.driverOptions = { ...attachment.driverOptions, ...driverOption(text, value) };
        break;
      case 'gw-priority':
        if (!/^-?\d+$/.test(value)) throw refuse(text, `'${value}' is not a whole number`);
        attachment.gatewayPriority = Number(value);
        break;
      default:
        throw refuse(text, `there is no field '${key}'`);
    }
  }
  if (attachment.network === '') throw refuse(text, 'it has no name=');
  return attachment;
}

/** The API's settings; what is not given is left out. */
export function settingsOf(attachment: Omit<Attachment, 'network'>): EndpointSettings {
  const { aliases, ip, ip6, mac, linkLocalIps, driverOptions, gatewayPriority, links } = attachment;
  const ipam = withoutUndefined({ IPv4Address: ip, IPv6Address: ip6, LinkLocalIPs: linkLocalIps });
  return withoutUndefined({
    Aliases: aliases,
    Links: links,
    DriverOpts: driverOptions,
    GwPriority: gatewayPriority,
    MacAddress: mac,
    IPAMConfig: Object.keys(ipam).length === 0 ? undefined : ipam,
  }) as EndpointSettings;
}

/** The flags that speak of one network mean the first. Old links of the default network are in HostConfig alone. */
function withFlags(first: Attachment, flags: CreateFlags): Attachment {
  const aliases = [...(flags.networkAlias ?? []), ...(flags.netAlias ?? [])];
  const given: Omit<Attachment, 'network'> = {
    ...(aliases.length > 0 && { aliases }),
    ...(flags.ip !== undefined && { ip: flags.ip }),
    ...(flags.ip6 !== undefined && { ip6: flags.ip6 }),
    ...(flags.macAddress !== undefined && { mac: flags.macAddress }),
    ...(flags.linkLocalIp && { linkLocalIps: [...flags.linkLocalIp] }),
  };
  for (const key of Object.keys(given)) {
    if (key in first)
      throw refuse(first.network, 'the same is said by a field of --network and by a flag: leave one out');
  }
  const isOwn =
    !['default', 'bridge', 'host', 'none'].includes(first.network) && !first.network.startsWith('container:');
  return { ...first, ...given, ...(isOwn && flags.link && { links: flags.link }) };
}

function driverOption(whole: string, text: string): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 0) throw refuse(whole, `'${text}' is not KEY=VALUE`);
  return { [text.slice(0, equals).trim()]: text.slice(equals + 1).trim() };
}

function refuse(text: string, why: string): PontoonError {
  return new PontoonError('bad-value', `cannot use the network '${text}': ${why}`, { subject: text });
}
