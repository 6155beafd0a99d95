/**
 * @module What a container runs, as clients write it (Engine API, ContainerConfig), from API 1.21 on. Fields that are
 * missing or null are absent here.
 */

import { z } from 'zod';

/** A command line: words, or one word. */
const WORDS = z.union([z.array(z.string()), z.string().transform((word) => [word])]);

/** {"80/tcp": {}}: the keys are what counts. */
const SET = z.record(z.string(), z.unknown());

export const HEALTHCHECK = z.object({
  Test: z.array(z.string()).optional(),
  /** Nanoseconds, as all that follow. */
  Interval: z.int().optional(),
  Timeout: z.int().optional(),
  StartPeriod: z.int().optional(),
  StartInterval: z.int().optional(),
  Retries: z.int().optional(),
});

export const CONFIG = z.object({
  Hostname: z.string().optional(),
  Domainname: z.string().optional(),
  User: z.string().optional(),
  AttachStdin: z.boolean().optional(),
  AttachStdout: z.boolean().optional(),
  AttachStderr: z.boolean().optional(),
  ExposedPorts: SET.optional(),
  Tty: z.boolean().optional(),
  OpenStdin: z.boolean().optional(),
  StdinOnce: z.boolean().optional(),
  Env: z.array(z.string()).optional(),
  Cmd: WORDS.optional(),
  Healthcheck: HEALTHCHECK.optional(),
  Image: z.string().optional(),
  Volumes: SET.optional(),
  WorkingDir: z.string().optional(),
  Entrypoint: WORDS.optional(),
  NetworkDisabled: z.boolean().optional(),
  MacAddress: z.string().optional(),
  Labels: z.record(z.string(), z.string()).optional(),
  StopSignal: z.string().optional(),
  StopTimeout: z.int().optional(),
  Shell: z.array(z.string()).optional(),
});

export type Config = z.output<typeof CONFIG>;
