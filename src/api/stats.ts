/** @module GET /containers/{id}/stats: what a container uses, once or every second. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Containers } from '../container/containers.ts';
import type { Usage } from '../container/types.ts';
import { clientGone, openAnswer } from './answer.ts';
import type { Area } from './app.ts';
import type { ById } from './containers.ts';
import { booleanOf } from './parse.ts';
import { emptyStats, type StatsOf, stats } from './views/stats.ts';

const INTERVAL_MS = 1000;

export const addStatsRoutes: Area = (app, { containers }) => {
  if (containers === undefined) return;

  app.get<ById>('/containers/:id/stats', async ({ params, query }, reply) => {
    const { id } = containers.find(params.id);
    if (!booleanOf(query.stream, true)) {
      return once(containers, id, booleanOf(query['one-shot']), clientGone(reply));
    }
    using answer = openAnswer(reply, 'application/json');
    let before: Usage | undefined;
    while (!answer.signal.aborted) {
      const now = await usageOf(containers, id);
      if (now === undefined) break;
      await answer.write(`${JSON.stringify(render(now, before))}\n`);
      before = now.usage;
      await pause(answer.signal);
    }
    return reply;
  });
};

/** The share of the processors is between two samples: a second apart, unless one is enough for the client. */
async function once(containers: Containers, id: string, oneShot: boolean, signal: AbortSignal): Promise<object> {
  const first = await usageOf(containers, id);
  if (oneShot || first?.usage === undefined) return render(first ?? { id, name: '', usage: undefined }, undefined);
  await pause(signal);
  const second = await usageOf(containers, id);
  return render(second ?? first, second === undefined ? undefined : first.usage);
}

type Sample = StatsOf & { readonly usage: Usage | undefined };

/** Undefined when the container is gone; without usage while it does not run. */
async function usageOf(containers: Containers, id: string): Promise<Sample | undefined> {
  const container = containers.list().find((one) => one.id === id);
  if (container === undefined) return undefined;
  const { name, state } = container;
  const runs = state.status === 'running' || state.status === 'paused';
  return { id, name, usage: runs ? await containers.usage(id) : undefined };
}

function render({ usage, ...of }: Sample, before: Usage | undefined): object {
  return usage === undefined ? emptyStats(of) : stats(of, usage, before);
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(INTERVAL_MS, undefined, { signal }).catch(() => {}); // aborted: the client has gone
}
