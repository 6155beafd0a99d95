/**
 * @module Seccomp filters that crun has compiled already: compiling Docker's profile takes longer than all the rest of
 * creating a container, and nearly all containers have the same one.
 *
 * crun leaves the compiled filter with its state, for execs, and takes one as an annotation. Other runtimes do not know
 * the annotation and go by linux.seccomp, which stays.
 * @see crun(1), run.oci.seccomp_bpf_data
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciConfig } from './spec.ts';

const ANNOTATION = 'run.oci.seccomp_bpf_data';
/** Custom profiles come from users: this many are kept. */
const CAPACITY = 64;

export class CompiledFilters {
  /** By the profile. */
  readonly #filters = new Map<string, string>();
  /** Where crun keeps the state of its containers. */
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The configuration with its filter compiled, where we know it. */
  apply(config: OciConfig): OciConfig {
    const filter = this.#filters.get(keyOf(config));
    return filter === undefined ? config : { ...config, annotations: { ...config.annotations, [ANNOTATION]: filter } };
  }

  /** Keeps what crun has compiled for a container that it has just created. */
  async learn(id: string, config: OciConfig): Promise<void> {
    const key = keyOf(config);
    if (config.linux.seccomp === undefined || this.#filters.has(key) || this.#filters.size >= CAPACITY) return;
    const filter = await readFile(join(this.#root, id, 'seccomp.bpf')).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined; // not crun, or the container is gone
      throw error;
    });
    if (filter?.length) this.#filters.set(key, filter.toString('base64'));
  }
}

function keyOf({ linux }: OciConfig): string {
  return JSON.stringify(linux.seccomp);
}
