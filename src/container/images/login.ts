/**
 * @module Whether a registry takes a name and a password: asked by skopeo, which keeps nothing of it here.
 */

import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PontoonError } from '../../errors.ts';
import { runProgram } from '../programs.ts';
import type { Credentials } from '../types.ts';

export interface LoginOptions {
  readonly registry: string;
  readonly credentials: Credentials;
  /** Without TLS, or with any certificate. */
  readonly insecure: boolean;
  /** The password is there, for root only, as long as the question takes. */
  readonly runRoot: string;
  readonly signal?: AbortSignal;
}

/** @throws PontoonError registry-denied, registry, program-missing */
export async function login({ registry, credentials, insecure, runRoot, signal }: LoginOptions): Promise<void> {
  const directory = mkdtempSync(join(runRoot, 'login-'));
  const secret = join(directory, 'password');
  writeFileSync(secret, credentials.password, { mode: 0o600 });
  const stdin = openSync(secret, 'r');
  try {
    const access = [`--tls-verify=${!insecure}`, `--authfile=${join(directory, 'auth.json')}`];
    const who = ['--username', credentials.username, '--password-stdin'];
    await runProgram('skopeo', ['login', ...access, ...who, registry], { stdin, signal });
  } catch (error) {
    throw PontoonError.is(error, 'program') ? refusal(registry, error) : error;
  } finally {
    closeSync(stdin);
    rmSync(directory, { recursive: true });
  }
}

function refusal(registry: string, cause: PontoonError): PontoonError {
  const said = cause.message.replace(/^skopeo failed: /, '');
  if (/invalid username|unauthorized|denied/i.test(said)) {
    const message = `Get "https://${registry}/v2/": unauthorized: incorrect username or password`;
    return new PontoonError('registry-denied', message, { cause, subject: registry });
  }
  return new PontoonError('registry', `cannot log in to ${registry}: ${said}`, { cause, subject: registry });
}
