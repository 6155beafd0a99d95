/**
 * @module The progress of a pull or load: on a terminal a line for each layer that is drawn anew, else a line for each
 * thing that is done.
 * @see docker/cli, internal/jsonstream; moby, pkg/jsonmessage
 */

import type { WriteStream } from 'node:tty';
import { ApiError } from '../api/client.ts';
import { humanSize } from '../output/units.ts';

/** Of POST /images/create and /images/load. */
export interface ProgressMessage {
  readonly id?: string;
  readonly status?: string;
  readonly stream?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message: string };
}

const BAR = 50;

/** Shows the messages until they end. @throws ApiError for the failure that one of them tells */
export async function showProgress(
  messages: AsyncIterable<ProgressMessage>,
  output: NodeJS.WriteStream,
): Promise<void> {
  const show = output.isTTY ? liveLines(output) : plainLines(output);
  for await (const message of messages) {
    const failure = message.errorDetail?.message ?? message.error;
    if (failure !== undefined) throw new ApiError(500, failure);
    show(message);
  }
}

/** Only what is final: a terminal's bars are noise in a file. */
function plainLines(output: NodeJS.WriteStream): (message: ProgressMessage) => void {
  return ({ id, status, stream, progressDetail }) => {
    if (stream !== undefined) output.write(stream);
    else if (progressDetail?.current === undefined && status) output.write(`${id ? `${id}: ` : ''}${status}\n`);
  };
}

function liveLines(output: WriteStream): (message: ProgressMessage) => void {
  /** The line of each layer, counted from the first. */
  const lineOf = new Map<string, number>();
  return (message) => {
    const { id, status = '', stream } = message;
    if (stream !== undefined) output.write(stream);
    else if (id === undefined || id === '') output.write(`${status}\n`);
    else {
      const text = `${id}: ${status}${barOf(message, output.columns)}`.slice(0, output.columns);
      const line = lineOf.get(id);
      if (line === undefined) {
        lineOf.set(id, lineOf.size);
        output.write(`${text}\n`);
        return;
      }
      const up = lineOf.size - line;
      output.write(`\u001B[${up}A\u001B[2K\r${text}\u001B[${up}B\r`);
    }
    if (id === undefined) lineOf.clear(); // what follows stands below this line
  };
}

/** ' [=====>      ]  1.2MB/3.4MB'; without the bar where the terminal is narrow. */
function barOf({ progressDetail: { current = 0, total = 0 } = {} }: ProgressMessage, columns: number): string {
  if (current <= 0 && total <= 0) return '';
  if (total <= 0 || current > total) return ` ${humanSize(current, 4)}`;
  const numbers = `${humanSize(current, 4)}/${humanSize(total, 4)}`;
  if (columns <= 110) return ` ${numbers}`;
  const done = Math.min(BAR, Math.floor((current / total) * BAR));
  const bar = `${'='.repeat(done)}${done < BAR ? '>' : ''}`.padEnd(BAR);
  return ` [${bar}]  ${numbers}`;
}
