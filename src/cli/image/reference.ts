/**
 * @module The parts of an image's name: [HOST[:PORT]/]PATH[:TAG][@DIGEST].
 */

export interface Reference {
  /** With the host. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

export function splitReference(text: string): Reference {
  const [name = '', digest] = text.split('@');
  const [, repository = name, tag] = /^(.*?)(?::([^:/]+))?$/.exec(name) ?? [];
  return { repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The registry that a name says; undefined: the daemon's default. */
export function registryOf(repository: string): string | undefined {
  const slash = repository.indexOf('/');
  const host = slash < 0 ? '' : repository.slice(0, slash);
  return host.includes('.') || host.includes(':') || host === 'localhost' ? host : undefined;
}
