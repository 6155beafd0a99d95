/**
 * @module Pseudonyms for names: the same for the same name wherever it stands, so that what was joined by it stays joined.
 */

/** Names that are everybody's. */
const COMMON = new Set([
  'localhost',
  'localdomain',
  'ip6-localhost',
  'ip6-loopback',
  'ip6-localnet',
  'ip6-mcastprefix',
  'ip6-allnodes',
  'ip6-allrouters',
  'host',
  'docker',
  'containers',
  'internal',
  'dns',
  'podman',
  'pontoon',
  'bridge',
  'none',
  'default',
]);
/** IDs are random, and process IDs are numbers. */
const SAYS_NOTHING = /^(?:[0-9a-f]{12}|[0-9a-f]{64}|pid-\d+|\d+|netns-[0-9a-f-]{36})$/;
const PATH_WORDS = new Set(['', 'run', 'var', 'netns', 'proc', 'ns', 'net', 'root', 'etc', 'sandboxes', 'lib', 'user']);
const USUAL_LINK =
  /^(?:lo|(?:eth|br|docker|pontoon|podman|cni|virbr|vnet|tap|tun|wg|bond|dummy|vxlan|ifb|ppp|veth|wlan)\d*(?:\.\d+)?|veth[0-9a-f]{6,}|br-[0-9a-f]{12}|(?:en|wl|ww)[opsx][0-9a-z]+)$/;
const USUAL_PROGRAM =
  /^(?:systemd.*|init|sh|bash|sleep|MainThread|node|dockerd|docker-proxy|docker-init|containerd.*|conmon|crun|runc|podman|aardvark-dns|netavark|pontoon.*|sshd|dnsmasq|kthreadd|tini)$/;

export class NamePseudonyms {
  readonly #known = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** A container's, network's or DNS name, label by label. */
  name(text: string, kind = 'name'): string {
    return text
      .split('.')
      .map((label) => (COMMON.has(label) || SAYS_NOTHING.test(label) ? label : this.#pseudonym(label, kind)))
      .join('.');
  }

  link(name: string): string {
    return USUAL_LINK.test(name) ? name : this.#pseudonym(name, 'if');
  }

  /** Undefined for a name that is not renamed, or not a link's. */
  renamedLink(name: string): string | undefined {
    return this.#known.get(`if ${name}`);
  }

  program(command: string): string {
    return USUAL_PROGRAM.test(command) ? command : this.#pseudonym(command, 'program');
  }

  image(name: string): string {
    return this.#pseudonym(name, 'image');
  }

  path(path: string): string {
    return path
      .split('/')
      .map((part) => (PATH_WORDS.has(part) ? part : this.name(part, 'netns')))
      .join('/');
  }

  #pseudonym(name: string, kind: string): string {
    // Links, programs and images have names of their own; all others find each other by name.
    const key = kind === 'if' || kind === 'program' || kind === 'image' ? `${kind} ${name}` : `name ${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const made = `${kind}-${count}`;
    this.#known.set(key, made);
    return made;
  }
}
