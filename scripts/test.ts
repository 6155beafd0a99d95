/**
 * @module Runs every test: the pure ones with vitest, then each file of test/kernel with node:test in a private world.
 *
 *   node scripts/test.ts [--pure | --kernel] [--verbose] [--jobs N] [--minutes N] [NAME...]
 *
 * NAME keeps the files whose path contains it. A file's output is shown when it fails, or with --verbose. A file that
 * does not end within --minutes (default 10) is killed and fails: that limit is there to see a hang, not to judge speed.
 * At the end the machine must be as it was before.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  compareMachines,
  controlGroups,
  leftoverProcesses,
  RUN_MARK,
  readMachine,
  sweepControlGroups,
} from './machine.ts';
import type { Report } from './report.ts';

/** How a file (or vitest, for all of its files) went. */
interface Outcome extends Report {
  name: string;
  files: number;
  ok: boolean;
  /** Why it failed, where the counts do not say it. */
  problem?: string;
  output: string;
  seconds: number;
}

interface Ended {
  status: number | string;
  output: string;
  seconds: number;
  hung: boolean;
}

const NOTHING: Report = { passed: 0, skipped: [], failures: [] };
/** How much of the beginning and of the end of what a failed test said is said again, so that a cut report still has it. */
const QUOTED_LINES = 6;
const root = dirname(import.meta.dirname);
const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    pure: { type: 'boolean', default: false },
    kernel: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(Math.max(2, availableParallelism())) },
    minutes: { type: 'string', default: '10' },
  },
});
const runId = randomUUID();
/** Where vitest and node write their counts, until the run ends. */
const results = join(root, '.cache/test', runId);
const running = new Set<ReturnType<typeof spawn>>();

/** Runs a program to its end, with its output kept. A hung one is killed; its world, if it has one, ends with it. */
function run(command: string, args: string[]): Promise<Ended> {
  const started = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`, [RUN_MARK]: runId },
  });
  running.add(child);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stderr.on('data', (chunk) => chunks.push(chunk));
  let hung = false;
  const guard = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, Number(options.minutes) * 60_000);
  child.on('error', reject);
  child.on('close', (code, signal) => {
    clearTimeout(guard);
    running.delete(child);
    const seconds = (performance.now() - started) / 1000;
    resolve({ status: code ?? signal ?? 'unknown', output: Buffer.concat(chunks).toString(), seconds, hung });
  });
  return promise;
}

/** All pure tests, in one vitest run. */
async function runPureTests(): Promise<Outcome> {
  const report = join(results, 'vitest.json');
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, '--passWithNoTests'];
  const ended = await run('vitest', [...args, ...names]);
  const name = 'pure tests (vitest)';
  const problem = problemOf(ended);
  if (ended.hung) return { name, ...NOTHING, ...ended, files: 0, ok: false, ...problem };
  const counts = JSON.parse(readFileSync(report, 'utf8')) as {
    numPassedTests: number;
    testResults: {
      name: string;
      message: string;
      assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
    }[];
  };
  return {
    name,
    ...ended,
    files: counts.testResults.length,
    passed: counts.numPassedTests,
    skipped: counts.testResults
      .flatMap((file) => file.assertionResults)
      .filter(({ status }) => status !== 'passed' && status !== 'failed')
      .map(({ fullName, status }) => `${fullName}: ${status}`),
    failures: counts.testResults.flatMap(({ name, message, assertionResults }) =>
      [{ fullName: name, failureMessages: message === '' ? [] : [message] }, ...assertionResults]
        .filter(({ failureMessages }) => failureMessages.length > 0)
        .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join('\n')}`),
    ),
    ok: ended.status === 0,
    ...problem,
  };
}

/** One kernel test file, in a world of its own. */
async function runKernelTest(file: string): Promise<Outcome> {
  const path = join(results, `${file.replaceAll('/', '.')}.json`);
  const ended = await run(join(root, 'scripts/in-world'), [
    process.execPath,
    '--test',
    '--test-isolation=none',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'scripts/report.ts')}`,
    `--test-reporter-destination=${path}`,
    file,
  ]);
  // One that was killed has written none.
  const written = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const report = written === '' ? NOTHING : (JSON.parse(written) as Report);
  const outcome = { name: file, ...report, ...ended, files: 1 };
  if (ended.status === 0 && outcome.passed + outcome.skipped.length === 0)
    return { ...outcome, ok: false, problem: 'it holds no test' };
  return { ...outcome, ok: ended.status === 0, ...problemOf(ended) };
}

function problemOf(ended: Ended): { problem?: string } {
  if (ended.hung) return { problem: `no end after ${options.minutes} minutes, killed` };
  return ended.status === 0 || ended.status === 1 ? {} : { problem: `ended with ${ended.status}` };
}

/** Runs all of `items` through `work`, at most `limit` at a time, in order. */
async function inParallel<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}

function show(outcome: Outcome): void {
  const counts = [`${outcome.passed} passed`];
  if (outcome.failures.length > 0) counts.push(`${outcome.failures.length} failed`);
  if (outcome.skipped.length > 0) counts.push(`${outcome.skipped.length} skipped`);
  if (outcome.problem !== undefined) counts.push(outcome.problem);
  console.log(`${outcome.ok ? 'ok  ' : 'FAIL'} ${outcome.name}: ${counts.join(', ')}, ${outcome.seconds.toFixed(1)} s`);
  const output = outcome.output.trimEnd();
  if (output !== '' && (!outcome.ok || options.verbose)) console.log(output.replaceAll(/^/gm, '  | '));
}

function quote(text: string): string {
  const lines = text.split('\n');
  if (lines.length <= 2 * QUOTED_LINES) return text;
  return [...lines.slice(0, QUOTED_LINES), '[…]', ...lines.slice(-QUOTED_LINES)].join('\n');
}

function fail(message: string): never {
  console.error(`test: ${message}`);
  process.exit(1);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of running) child.kill('SIGKILL');
    fail(`stopped by ${signal}`);
  });
}

if (!(Number(options.jobs) >= 1)) fail(`--jobs ${options.jobs}: give a number from 1 on`);
if (!(Number(options.minutes) > 0)) fail(`--minutes ${options.minutes}: give a number above 0`);
const kernelFiles = options.pure
  ? []
  : globSync('test/kernel/**/*.test.ts', { cwd: root })
      .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
      .sort();
if (kernelFiles.length > 0) {
  if (process.getuid?.() !== 0) {
    fail(`the ${kernelFiles.length} kernel test files need root: they make namespaces. Run as root, or --pure alone`);
  }
  const world = await run(join(root, 'scripts/in-world'), ['true']);
  if (world.status !== 0) fail(`cannot make a private world for the kernel tests: ${world.output.trim()}`);
  const features = await run(join(root, 'scripts/in-world'), ['node', join(root, 'test/support/required-features.ts')]);
  if (features.status !== 0) fail(`the kernel tests need what is missing here:\n${features.output.trim()}`);
}

mkdirSync(results, { recursive: true });
const before = readMachine();
const groupsBefore = controlGroups();
const started = performance.now();
const outcomes: Outcome[] = [];
const finish = (outcome: Outcome) => {
  outcomes.push(outcome);
  if (outcome.files > 0 || !outcome.ok) show(outcome);
};
if (!options.kernel) finish(await runPureTests());
await inParallel(kernelFiles, Number(options.jobs), async (file) => finish(await runKernelTest(file)));

rmSync(results, { recursive: true });

const leaks = (await leftoverProcesses(runId)).map((line) => `process left over: ${line}`);
sweepControlGroups(groupsBefore);
leaks.push(...compareMachines(before, readMachine()));
const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
const files = sum(({ files }) => files);
const failed = outcomes.filter(({ ok }) => !ok);
const skipped = outcomes.flatMap(({ name, skipped }) => skipped.map((line) => `${name}: ${line}`));

for (const line of skipped) console.log(`skipped: ${line}`);
for (const line of leaks) console.log(`leaked: ${line}`);
for (const { name, problem, failures } of failed) {
  console.log(`failed: ${name}${problem ? `: ${problem}` : ''}`);
  for (const failure of failures) console.log(quote(failure.trimEnd()).replaceAll(/^/gm, '  '));
}
if (files === 0 && failed.length === 0) fail(`no test file has ${names.join(' or ')} in its path`);
console.log(
  `test: ${files} files: ${sum(({ passed }) => passed)} tests passed, ${sum(({ failures }) => failures.length)} failed, ` +
    `${skipped.length} skipped; the machine is ${leaks.length === 0 ? 'as it was' : 'NOT as it was'}; ` +
    `${((performance.now() - started) / 1000).toFixed(1)} s`,
);
process.exitCode = failed.length === 0 && leaks.length === 0 ? 0 : 1;
