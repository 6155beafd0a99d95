/**
 * @module Kernel modules: whether a question would load one.
 *
 * Much of the kernel loads by itself when it is asked for (request_module), which a reader must not cause. A module that
 * could be loaded and is not has nothing to tell.
 */

import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';

let loadable: string | undefined;

/** True when the module exists on this host and is not loaded. What is built in, or not there at all, is not idle. */
export function isModuleIdle(name: string): boolean {
  return !existsSync(`/sys/module/${name}`) && modulesOfThisKernel().includes(`/${name}.ko`);
}

/** modules.dep: a line for each module, by its path; empty where this kernel has no modules here to load. */
function modulesOfThisKernel(): string {
  if (loadable !== undefined) return loadable;
  const path = `/lib/modules/${release()}/modules.dep`;
  loadable = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return loadable;
}
