/** @module Files of a container, as tar archives: docker cp in both directions, and export. */

import type { FastifyReply } from 'fastify';
import type { PathStat } from '../container/types.ts';
import { PontoonError } from '../errors.ts';
import { sendStream } from './answer.ts';
import type { Area } from './app.ts';
import type { ById } from './containers.ts';
import { badRequest, HttpError } from './errors.ts';
import { booleanOf, streamOf, textOf } from './parse.ts';
import { pathStat } from './views/path-stat.ts';

const TAR = 'application/x-tar';
const STAT_HEADER = 'X-Docker-Container-Path-Stat';

export const addArchiveRoutes: Area = (app, { containers }) => {
  if (containers === undefined) return;

  app.head<ById>('/containers/:id/archive', async ({ params, query }, reply) => {
    const path = pathOf(query);
    tellStat(reply, await inContainer(params.id, path, containers.statPath(params.id, path)));
    return reply.send();
  });

  app.get<ById>('/containers/:id/archive', async ({ params, query }, reply) => {
    const path = pathOf(query);
    tellStat(reply, await inContainer(params.id, path, containers.statPath(params.id, path)));
    await sendStream(reply, TAR, await containers.readArchive(params.id, path));
  });

  app.put<ById>('/containers/:id/archive', async ({ params, query, body }, reply) => {
    const options = {
      noOverwriteDirNonDir: booleanOf(query.noOverwriteDirNonDir),
      ownedByUser: booleanOf(query.copyUIDGID),
    };
    const path = pathOf(query);
    await inContainer(params.id, path, containers.writeArchive(params.id, path, streamOf(body), options));
    return reply.send();
  });

  app.get<ById>('/containers/:id/export', async ({ params }, reply) => {
    await sendStream(reply, TAR, await containers.export(params.id));
  });
};

/** @throws HttpError 404 that says in which container a path is not */
async function inContainer<T>(ref: string, path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!PontoonError.is(error, 'path-not-found')) throw error;
    throw new HttpError(404, `Could not find the file ${path} in container ${ref}`);
  }
}

function pathOf(query: Record<string, unknown>): string {
  const path = textOf(query.path);
  if (path === undefined || path === '') throw badRequest('bad parameter: path cannot be empty');
  return path;
}

function tellStat(reply: FastifyReply, stat: PathStat): void {
  reply.header(STAT_HEADER, Buffer.from(JSON.stringify(pathStat(stat))).toString('base64'));
}
