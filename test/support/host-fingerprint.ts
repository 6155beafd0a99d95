/**
 * @module A fingerprint of a whole host as its own tools show it: where two are equal, whoever looked in between changed
 * nothing. Counters and ages, which change by themselves, are left out.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const COMMANDS = [
  'ip -d link',
  'ip addr',
  'ip rule; ip -6 rule',
  'ip route show table all; ip -6 route show table all',
  'bridge link; bridge vlan',
  'nft -s list ruleset 2>/dev/null',
  'ip netns list',
  // Each sysctl of the network, but for what counts by itself.
  'sysctl -a --pattern "^net\\." 2>/dev/null | grep -vE "nf_conntrack_count|rmem_alloc|neigh.*gc|stable_secret"',
];
/** What the commands show of times. */
const AGES = / (?:used|valid_lft|preferred_lft|expires|age|\w+_timer) +\S+/g;

export function hostFingerprint(): Readonly<Record<string, string>> {
  const shown = COMMANDS.map((command): [string, string] => {
    const output = execFileSync('sh', ['-c', `${command}; true`], { encoding: 'utf8', maxBuffer: 64 << 20 });
    return [command, output.replaceAll(AGES, '')];
  });
  return { ...Object.fromEntries(shown), mounts: readFileSync('/proc/self/mountinfo', 'utf8'), modules: modules() };
}

/** Empty where the kernel has no modules. */
function modules(): string {
  if (!existsSync('/proc/modules')) return '';
  const lines = readFileSync('/proc/modules', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[0]).join('\n');
}
