/** @module The bodies of requests about containers: create, update, exec create, exec start. */

import { z } from 'zod';
import { CONFIG } from './config.ts';
import { NETWORKING_CONFIG } from './endpoint.ts';
import { HOST_CONFIG, RESOURCES, RESTART_POLICY } from './host-config.ts';

export const CREATE_BODY = CONFIG.extend({
  HostConfig: HOST_CONFIG.optional(),
  NetworkingConfig: NETWORKING_CONFIG.optional(),
});

export const UPDATE_BODY = RESOURCES.extend({ RestartPolicy: RESTART_POLICY.optional() });

export const EXEC_CREATE_BODY = z.object({
  AttachStdin: z.boolean().optional(),
  AttachStdout: z.boolean().optional(),
  AttachStderr: z.boolean().optional(),
  ConsoleSize: z.tuple([z.int(), z.int()]).optional(),
  DetachKeys: z.string().optional(),
  Tty: z.boolean().optional(),
  Env: z.array(z.string()).optional(),
  Cmd: z.union([z.array(z.string()), z.string().transform((word) => [word])]).optional(),
  Privileged: z.boolean().optional(),
  User: z.string().optional(),
  WorkingDir: z.string().optional(),
});

export const EXEC_START_BODY = z.object({
  Detach: z.boolean().optional(),
  Tty: z.boolean().optional(),
});

export type CreateBody = z.output<typeof CREATE_BODY>;
export type UpdateBody = z.output<typeof UPDATE_BODY>;
export type ExecCreateBody = z.output<typeof EXEC_CREATE_BODY>;
