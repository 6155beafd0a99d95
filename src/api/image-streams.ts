/** @module Progress of a pull, load or import, as lines of JSON (Engine API, CreateImageInfo), and its failure. */

import type { FastifyReply } from 'fastify';
import type { Progress } from '../container/types.ts';
import { type Answer, clientGone, openAnswer } from './answer.ts';
import { given } from './given.ts';

export interface ProgressLines {
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
  readonly tell: (progress: Progress) => void;
  readonly line: (value: object) => void;
}

/**
 * Answers with what `work` tells. It fails like any request until it has told something; after that, its failure is
 * the last line.
 */
export async function answerProgress(
  reply: FastifyReply,
  work: (lines: ProgressLines) => Promise<void>,
): Promise<void> {
  let answer: Answer | undefined;
  const signal = clientGone(reply);
  const line = (value: object): void => {
    answer ??= openAnswer(reply, 'application/json');
    void answer.write(`${JSON.stringify(value)}\r\n`);
  };
  try {
    await work({ signal, line, tell: (progress) => line(progressLine(progress)) });
  } catch (error) {
    if (signal.aborted) return;
    if (answer === undefined) throw error;
    const message = error instanceof Error ? error.message : String(error);
    line({ errorDetail: { message }, error: message });
  }
  answer ??= openAnswer(reply, 'application/json');
  answer[Symbol.dispose]();
}

function progressLine({ id, status, current, total }: Progress): object {
  return {
    status,
    progressDetail: given({ current, total }),
    ...(id !== undefined && { id }),
  };
}
