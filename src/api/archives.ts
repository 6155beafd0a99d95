/** @module Files of a container, as tar archives: docker cp in both directions, and export. */

import type { FastifyReply } from 'fastify';
import type { PathStat } from '../container/types.ts';
import { sendStream } from './answer.ts';
import type { Area } from './app.ts';
import type { ById } from './containers.ts';
import { badRequest } from './errors.ts';
import { booleanOf, streamOf, textOf } from './parse.ts';
import { pathStat } from './views/path-stat.ts';

const TAR = 'application/x-tar';
const STAT_HEADER = 'X-Docker-Container-Path-Stat';

export const addArchiveRoutes: Area = (app, { containers }) => {
  if (containers === undefined) return;

  app.head<ById>('/containers/:id/archive', async ({ params, query }, reply) => {
    tellStat(reply, await containers.statPath(params.id, pathOf(query)));
    return reply.send();
  });

  app.get<ById>('/containers/:id/archive', async ({ params, query }, reply) => {
    const path = pathOf(query);
    tellStat(reply, await containers.statPath(params.id, path));
    await sendStream(reply, TAR, await containers.readArchive(params.id, path));
  });

  app.put<ById>('/containers/:id/archive', async ({ params, query, body }, reply) => {
    const options = {
      noOverwriteDirNonDir: booleanOf(query.noOverwriteDirNonDir),
      copyUIDGID: booleanOf(query.copyUIDGID),
    };
    await containers.writeArchive(params.id, pathOf(query), streamOf(body), options);
    return reply.send();
  });

  app.get<ById>('/containers/:id/export', async ({ params }, reply) => {
    await sendStream(reply, TAR, await containers.export(params.id));
  });
};

function pathOf(query: Record<string, unknown>): string {
  const path = textOf(query.path);
  if (path === undefined || path === '') throw badRequest('bad parameter: path cannot be empty');
  return path;
}

function tellStat(reply: FastifyReply, stat: PathStat): void {
  reply.header(STAT_HEADER, Buffer.from(JSON.stringify(pathStat(stat))).toString('base64'));
}
