/**
 * @module Running containers: the seam between what a container is and the processes of the host.
 *
 *   const runtime = await Runtime.open({ runRoot });
 *   const { pid } = await runtime.launch({ input: { id, spec, process, … }, directory, … });   // created, waits
 *   const streams = await ProcessStreams.connect(directory, { stdinOnce: true });              // misses nothing
 *   await runtime.startProcess(id);
 */

export { beginCgroupWait } from './cgroup-wait.ts';
export { resize } from './control.ts';
export { findDevices } from './devices.ts';
export { processEnvironment } from './environment.ts';
export { type ExitRecord, readExit, watchExits } from './exits.ts';
export { startExitCode } from './failure.ts';
export { readHost } from './host.ts';
export { ranOutOfMemory } from './oom.ts';
export { ProcessStreams } from './process-streams.ts';
export { findInit, findRuntime } from './program.ts';
export {
  CONMON_PID,
  CONTAINER_PID,
  type ExecuteOptions,
  type Execution,
  type LaunchOptions,
  Runtime,
} from './runtime.ts';
export { parseSeccompProfile } from './seccomp.ts';
export { checkSecurity } from './security.ts';
export { cgroupPath, execProcess, ociSpec } from './spec.ts';
export type { BundleInput, BundleProcess, Device, Host, UserIds } from './types.ts';
export { resolveUser } from './users.ts';
