/** @module More processes in a container that runs: made, started (attached or not), resized, shown. */

import type { ExecSpec } from '../container/types.ts';
import { PontoonError } from '../errors.ts';
import type { Area } from './app.ts';
import type { ById } from './containers.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from './detach-keys.ts';
import { badRequest } from './errors.ts';
import { containerEvent } from './events.ts';
import { given, unlessEmpty } from './given.ts';
import { frame, hijack, joinStreams, streamType } from './hijack.ts';
import { parseBody } from './parse.ts';
import { EXEC_CREATE_BODY, EXEC_START_BODY, type ExecCreateBody } from './schemas/container.ts';
import { terminalSize } from './streams.ts';
import { execInspect } from './views/exec.ts';

export const addExecRoutes: Area = (app, { containers, events }) => {
  if (containers === undefined) return;

  app.post<ById>('/containers/:id/exec', async (request, reply) => {
    const exec = await containers.createExec(request.params.id, execSpec(parseBody(EXEC_CREATE_BODY, request)));
    return reply.code(201).send({ Id: exec.id });
  });

  app.post<ById>('/exec/:id/start', async (request, reply) => {
    const { id } = request.params;
    const { Detach = false, Tty } = parseBody(EXEC_START_BODY, request);
    const { spec, containerId } = containers.inspectExec(id);
    const detachKeys = parseDetachKeys(spec.detachKeys ?? DEFAULT_DETACH_KEYS);
    const terminal = Tty ?? spec.tty ?? false;
    if (Detach) {
      await containers.startExec(id, { detach: true });
      return reply.send();
    }
    try {
      const attachment = await containers.startExec(id);
      const client = hijack(request, reply, streamType(request, terminal));
      if (attachment === undefined) client.end();
      else if (await joinStreams(client, attachment, { terminal, detachKeys })) {
        events.publish(containerEvent(containers.find(containerId), 'exec_detach', { execID: id }));
      }
    } catch (error) {
      // What cannot be run is told where its output would be: clients then ask for the exit code (126, 127).
      if (reply.sent || !PontoonError.is(error) || error.kind === 'not-found' || error.kind === 'conflict') throw error;
      const text = Buffer.from(`${error.message}\r\n`);
      hijack(request, reply, streamType(request, terminal)).end(terminal ? text : frame('stdout', text));
    }
    return reply;
  });

  app.post<ById>('/exec/:id/resize', async ({ params, query }, reply) => {
    await containers.resizeExec(params.id, ...terminalSize(query));
    return reply.send();
  });

  app.get<ById>('/exec/:id/json', async ({ params }) => execInspect(containers.inspectExec(params.id)));
};

function execSpec(body: ExecCreateBody): ExecSpec {
  const command = body.Cmd ?? [];
  if (command.length === 0) throw badRequest('No exec command specified');
  for (const variable of body.Env ?? []) {
    if (variable === '' || variable.startsWith('=')) throw badRequest(`invalid environment variable: ${variable}`);
  }
  parseDetachKeys(body.DetachKeys || DEFAULT_DETACH_KEYS); // refused before it is to be started
  return {
    command,
    stdin: body.AttachStdin ?? false,
    stdout: body.AttachStdout ?? false,
    stderr: body.AttachStderr ?? false,
    ...given({
      env: unlessEmpty(body.Env),
      workingDirectory: unlessEmpty(body.WorkingDir),
      user: unlessEmpty(body.User),
      tty: body.Tty,
      privileged: body.Privileged,
      detachKeys: unlessEmpty(body.DetachKeys),
      consoleSize: body.ConsoleSize,
    }),
  };
}
