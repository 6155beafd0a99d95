/**
 * @module Clients that do not know Pontoon, on a daemon of the test's: whatever runs in this shell has DOCKER_HOST set.
 */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, TestDaemon } from '../api/daemon.ts';

/** Only to see a hang. */
const PATIENCE_MS = 60_000;

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class DockerShell {
  readonly #daemon: TestDaemon;

  constructor(daemon: TestDaemon) {
    this.#daemon = daemon;
  }

  /** A daemon whose host has a loopback to publish ports on: a new network namespace's is down. */
  static async open(): Promise<{ daemon: TestDaemon; docker: DockerShell }> {
    await run('ip', ['link', 'set', 'lo', 'up']);
    const daemon = await TestDaemon.start();
    return { daemon, docker: new DockerShell(daemon) };
  }

  /** Runs a line of shell. @throws Error when its status is another than the one expected */
  async run(line: string, { status = 0 }: { readonly status?: number } = {}): Promise<Ran> {
    const ran = await shell(line, { DOCKER_HOST: `unix://${this.#daemon.socketPath}` });
    if (ran.status === status) return ran;
    throw new Error(`${line}\nended with ${ran.status}, not ${status}\n${ran.stdout}${ran.stderr}`);
  }

  /** What a line that succeeds writes. */
  async out(line: string): Promise<string> {
    return (await this.run(line)).stdout;
  }

  async json<T>(line: string): Promise<T> {
    return JSON.parse(await this.out(line)) as T;
  }

  /** Runs a line of shell at a terminal, as -t wants one: what is to be read on it. */
  async terminal(line: string, options: { readonly status?: number } = {}): Promise<string> {
    const quoted = line.replaceAll("'", String.raw`'\''`);
    const { stdout } = await this.run(`script -qefc '${quoted}' /dev/null </dev/null`, options);
    return stdout.replaceAll('\r\n', '\n');
  }

  /** Makes an image with a web server on a port out of pontoon/busybox, as a user would. */
  async makeWebImage(name: string, port: number): Promise<void> {
    const page = join(this.#daemon.directory, 'index.html');
    writeFileSync(page, `it works on ${port}\n`);
    const container = (await this.out('docker create pontoon/busybox')).trim();
    await this.run(`docker cp ${page} ${container}:/index.html`);
    const command = JSON.stringify(['httpd', '-f', '-p', String(port), '-h', '/']);
    await this.run(
      `docker export ${container} | docker import -c 'CMD ${command}' -c 'EXPOSE ${port}' - ${name} && docker rm ${container}`,
    );
  }
}

function shell(line: string, env: Record<string, string>): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, timeout: PATIENCE_MS, maxBuffer: 1 << 26 };
    const child = execFile('sh', ['-c', line], options, (error, stdout, stderr) => {
      const status = error === null ? 0 : error.code;
      if (typeof status === 'number') resolve({ status, stdout, stderr });
      else reject(new Error(`${line}: ${error?.message}\n${stdout}${stderr}`));
    });
    child.stdin?.end();
  });
}
