/** @module A process that was started in a running container, as Docker shows it. */

import type { Exec } from '../../container/types.ts';

export function execInspect({ id, containerId, spec, running, exitCode, pid }: Exec) {
  const [entrypoint = '', ...args] = spec.command;
  return {
    ID: id,
    Running: running,
    ExitCode: exitCode ?? null,
    ProcessConfig: {
      tty: spec.tty ?? false,
      entrypoint,
      arguments: args,
      privileged: spec.privileged ?? false,
      ...(spec.user !== undefined && { user: spec.user }),
    },
    OpenStdin: spec.stdin ?? false,
    OpenStderr: spec.stderr ?? false,
    OpenStdout: spec.stdout ?? false,
    CanRemove: exitCode !== undefined,
    ContainerID: containerId,
    DetachKeys: spec.detachKeys ?? '',
    Pid: pid,
  };
}
