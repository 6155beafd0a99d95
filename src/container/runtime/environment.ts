/**
 * @module The environment of a container's process.
 */

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Docker's defaults (PATH, HOSTNAME, TERM with a terminal) under what the container says: a later entry replaces an
 * earlier one of the same name, in its place; a bare name takes it away. HOME is the runtime's: it knows the user's.
 */
export function processEnvironment(options: {
  readonly hostname: string;
  readonly terminal: boolean;
  readonly env: readonly string[];
}): string[] {
  const { hostname, terminal, env } = options;
  const entries = [`PATH=${PATH}`, `HOSTNAME=${hostname}`, ...(terminal ? ['TERM=xterm'] : [])];
  return mergeEnvironment(entries, env);
}

/** `env` over `base`. */
export function mergeEnvironment(base: readonly string[], env: readonly string[]): string[] {
  const merged = new Map(base.map((entry) => [nameOf(entry), entry]));
  for (const entry of env) {
    if (entry.includes('=')) merged.set(nameOf(entry), entry);
    else merged.delete(entry);
  }
  return [...merged.values()];
}

function nameOf(entry: string): string {
  return entry.slice(0, entry.indexOf('='));
}
