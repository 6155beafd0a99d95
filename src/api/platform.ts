/**
 * @module Platforms that clients ask for: an image here is that of one platform, so another one is not there.
 */

import { z } from 'zod';
import type { Image } from '../container/types.ts';
import { badRequest, HttpError } from './errors.ts';
import { textsOf } from './parse.ts';

const PLATFORM = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  variant: z.string().optional(),
});
/** What was asked with a version that does not know the question is not heard. */
const FIRST_MINORS = { history: 48, save: 48, inspect: 49, remove: 50 } as const;

/**
 * @param platform 'os/architecture[/variant]'; undefined or '' for any
 * @throws HttpError 404, upon which clients pull the image of that platform
 */
export function requirePlatform({ os, architecture }: Image, ref: string, platform = ''): void {
  const [wantedOs, wanted] = platform.split('/');
  if (wanted === undefined || (wantedOs === os && wanted === architecture)) return;
  const [has, asked] = [`${os}/${architecture}`, platform];
  throw new HttpError(
    404,
    `image with reference ${ref} was found but its platform (${has}) does not match the specified platform (${asked})`,
  );
}

/**
 * The same for platforms as JSON, {"os": "linux", "architecture": "amd64"}: a query parameter, which may be repeated.
 * @throws HttpError 400 where it is none, 404
 */
export function requirePlatforms(image: Image, { ref, parameter, to, minor }: PlatformQuestion): void {
  if (minor < FIRST_MINORS[to]) return;
  for (const text of textsOf(parameter).filter((one) => one !== '')) requirePlatform(image, ref, platformOf(text));
}

export interface PlatformQuestion {
  readonly ref: string;
  /** Of the query. */
  readonly parameter: unknown;
  /** What the image is wanted for. */
  readonly to: keyof typeof FIRST_MINORS;
  readonly minor: number;
}

function platformOf(text: string): string {
  const platform = PLATFORM.safeParse(decode(text)).data;
  if (platform?.os && platform.architecture)
    return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
  throw badRequest(`invalid platform '${text}': both OS and Architecture must be provided, as texts`);
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest(`failed to parse platform: '${text}' is not JSON: write {"os":"linux","architecture":"amd64"}`);
  }
}
