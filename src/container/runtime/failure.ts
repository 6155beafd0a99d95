/**
 * @module Why a process did not start, in Docker's words: clients turn them into exit codes (127 where there is no such
 * program, 126 where it is not one that can be run, 125 for the rest).
 */

import { PontoonError } from '../../errors.ts';

type Step = 'create' | 'start' | 'exec';

const WRONG_MOUNT =
  'Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type';

/** The error to throw. `words` is what the runtime wrote to its standard error, `command` the program it was to run. */
export function startFailure(step: Step, runtime: string, words: string, command = ''): PontoonError {
  const context =
    step === 'exec'
      ? 'OCI runtime exec failed: exec failed: unable to start container process'
      : `failed to create task for container: failed to create shim task: OCI runtime create failed: ${runtime} create failed: unable to start container process`;
  const why = reason(words, command);
  const hint = /mount.*not a directory/i.test(why) ? `: ${WRONG_MOUNT}` : '';
  return new PontoonError('start-failed', `${context}: ${why}: unknown${hint}`, { subject: runtime });
}

/** The exit code that a container or exec has which could not start; `otherwise` where the program is not why. */
export function startExitCode(error: Error, otherwise = 128): number {
  if (/\bchdir\b/.test(error.message)) return otherwise;
  if (/executable file not found|no such file or directory|not a directory/i.test(error.message)) return 127;
  if (/permission denied|is a directory|exec format error/i.test(error.message)) return 126;
  return otherwise;
}

/** What went wrong, without the names of the runtime's own parts, in runc's words where crun has others. */
export function reason(words: string, command: string): string {
  const text = lastLine(words)
    .replace(/^.*?(?=exec: ")/, '')
    .replace(/^.*unable to start container process: /, '')
    .replace(/^(?:runc|crun) (?:run|create|exec|start) failed: /, '');
  const missing = /executable file [`'"](.*?)[`'"] not found in \$PATH/.exec(text);
  if (missing !== null) {
    const name = missing[1] ?? '';
    const what = name.includes('/') ? `stat ${name}: no such file or directory` : 'executable file not found in $PATH';
    return `exec: "${name}": ${what}`;
  }
  if (/^open executable: (?:Operation not permitted|Permission denied)/.test(text)) {
    return `exec: "${command}": permission denied`;
  }
  return text.replace(/\b(?:No such file|Permission denied|Is a directory|Not a directory|Exec format)/g, (error) =>
    error.toLowerCase(),
  );
}

/** runc writes logfmt or JSON (level, msg), crun plain lines with its name or time in front. */
function lastLine(words: string): string {
  const line =
    words
      .trim()
      .split('\n')
      .findLast((text) => text.trim() !== '') ?? 'the runtime gave no reason';
  const logfmt = /\bmsg="((?:[^"\\]|\\.)*)"/.exec(line);
  if (logfmt !== null) return (logfmt[1] ?? '').replaceAll(/\\(.)/g, '$1');
  return line.replace(/^(?:\d{4}-\S+: )?(?:crun|runc|\[conmon:\w\]): /, '').trim();
}
