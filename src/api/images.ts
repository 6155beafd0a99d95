/** @module Images: listed, shown, tagged, removed, and brought in and out. */

import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Credentials } from '../container/types.ts';
import { sendStream } from './answer.ts';
import type { Area } from './app.ts';
import { badRequest, notImplemented } from './errors.ts';
import { parseFilters } from './filters.ts';
import { given, unlessEmpty } from './given.ts';
import { IMAGE_FILTERS, selectImages } from './image-filters.ts';
import { answerProgress, type ProgressLines } from './image-streams.ts';
import { countByImage } from './image-usage.ts';
import { booleanOf, parse, streamOf, textOf, textsOf } from './parse.ts';
import { requirePlatforms } from './platform.ts';
import { imageHistory, imageInspect, imageSummary, removalView } from './views/image.ts';

interface ByName {
  Params: { name: string };
  Querystring: Record<string, unknown>;
}
interface Query {
  Querystring: Record<string, unknown>;
}

/** The first version whose list takes a name as the filter `reference` only. */
const REFERENCE_ONLY_MINOR = 41;
/** The first version whose list says how many containers an image has. */
const CONTAINERS_MINOR = 51;
const TAR = 'application/x-tar';

const AUTH = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  serveraddress: z.string().optional(),
});

export const addImageRoutes: Area = (app, { images, containers }) => {
  if (images === undefined || containers === undefined) return;
  const users = (imageId: string): string[] =>
    containers.list().flatMap((container) => (container.imageId === imageId ? [container.id] : []));

  app.get<Query>('/images/json', async ({ query, apiMinor }) => {
    const asked = parseFilters(query.filters).allow(...IMAGE_FILTERS);
    const name = apiMinor < REFERENCE_ONLY_MINOR ? textOf(query.filter) : undefined;
    const filters = name ? asked.with('reference', name) : asked;
    const counts = apiMinor >= CONTAINERS_MINOR ? countByImage(containers.list()) : undefined;
    return selectImages(images.list(), filters).map((image) => ({
      ...imageSummary(image, apiMinor),
      ...(counts && { Containers: counts.get(image.id) ?? 0 }),
    }));
  });

  app.get<ByName>('/images/:name/json', async ({ params: { name }, query, apiMinor }) => {
    const image = images.find(name);
    requirePlatforms(image, { ref: name, parameter: query.platform, to: 'inspect', minor: apiMinor });
    return imageInspect(image, apiMinor);
  });

  app.get<ByName>('/images/:name/history', async ({ params: { name }, query, apiMinor }) => {
    requirePlatforms(images.find(name), { ref: name, parameter: query.platform, to: 'history', minor: apiMinor });
    return imageHistory(images.history(name));
  });

  app.post<ByName>('/images/:name/tag', async ({ params, query }, reply) => {
    const [repo = '', tag = ''] = [textOf(query.repo), textOf(query.tag)];
    if (repo === '') throw badRequest('repository name must be given: write ?repo=NAME&tag=TAG');
    await images.tag(params.name, tag === '' ? repo : `${repo}:${tag}`);
    return reply.code(201).send();
  });

  app.delete<ByName>('/images/:name', async ({ params: { name }, query, apiMinor }) => {
    const { platforms: parameter } = query;
    if (textsOf(parameter).length > 0)
      requirePlatforms(images.find(name), { ref: name, parameter, to: 'remove', minor: apiMinor });
    const removed = await images.remove(name, { force: booleanOf(query.force), inUse: users });
    return removed.map(removalView);
  });

  app.post<Query>('/images/prune', async ({ query }) => {
    const filters = parseFilters(query.filters).allow('dangling', 'until', 'label', 'label!');
    const { removed, reclaimedBytes } = await images.prune({
      dangling: filters.boolean('dangling') ?? true,
      inUse: users,
      matches: ({ config }) => filters.labels(config.labels),
      ...given({ untilMs: filters.untilMs() }),
    });
    return { ImagesDeleted: removed.length > 0 ? removed.map(removalView) : null, SpaceReclaimed: reclaimedBytes };
  });

  app.post<Query>('/images/create', async ({ query, body, headers }, reply) => {
    const [fromImage = '', fromSrc = ''] = [textOf(query.fromImage), textOf(query.fromSrc)];
    if (fromImage !== '') {
      const name = withTag(fromImage, textOf(query.tag) ?? '');
      const credentials = readCredentials(headers['x-registry-auth']);
      await answerProgress(reply, (lines) => pull(lines, name, textOf(query.platform), credentials));
    } else if (fromSrc === '-') {
      const source = streamOf(body);
      await answerProgress(reply, (lines) => importRoot(lines, source, query));
    } else if (fromSrc === '') throw badRequest('there is nothing to make an image of: give fromImage or fromSrc=-');
    else throw notImplemented('Pontoon does not fetch archives: send the archive in the body, with fromSrc=-');
  });

  app.post<Query>('/images/load', async ({ body }, reply) => {
    const source = streamOf(body);
    await answerProgress(reply, async ({ line, tell }) => {
      for (const { id, tags } of await images.load(source, tell)) {
        const names = tags.length > 0 ? tags.map((tag) => `Loaded image: ${tag}`) : [`Loaded image ID: ${id}`];
        for (const text of names) line({ stream: `${text}\n` });
      }
    });
  });

  const save = async (names: readonly string[], parameter: unknown, minor: number): Promise<Readable> => {
    for (const ref of names) requirePlatforms(images.find(ref), { ref, parameter, to: 'save', minor });
    return images.save(names);
  };

  /** A name without a tag stands for all tags that it has. */
  const taggedNames = (name: string): readonly string[] => {
    const tags = images.list().flatMap((image) => image.tags);
    const own = tags.filter((tag) => tag.slice(0, tag.lastIndexOf(':')) === name);
    return own.length > 0 ? own : [name];
  };

  app.get<Query>('/images/get', async ({ query, apiMinor }, reply) => {
    const names = textsOf(query.names).flatMap((text) => text.split(',').flatMap(taggedNames));
    if (names.length === 0) throw badRequest('there is nothing to save: give names');
    await sendStream(reply, TAR, await save(names, query.platform, apiMinor));
  });

  app.get<ByName>('/images/:name/get', async ({ params, query, apiMinor }, reply) => {
    await sendStream(reply, TAR, await save(taggedNames(params.name), query.platform, apiMinor));
  });

  app.get('/images/:name/attestations', async () => {
    throw notImplemented('Pontoon does not keep what is attested of images: ask the registry for it');
  });
  app.get('/images/search', async () => {
    throw notImplemented('Pontoon does not search registries: search on the registry itself');
  });
  app.post('/images/:name/push', async () => {
    throw notImplemented('Pontoon does not push images: save the image, and push it with skopeo');
  });

  async function pull(
    { tell, line, signal }: ProgressLines,
    name: string,
    platform: string | undefined,
    credentials: Credentials | undefined,
  ): Promise<void> {
    const known = images!.list().find(({ tags }) => tags.includes(name))?.id;
    const image = await images!.pull(name, {
      onProgress: tell,
      signal,
      ...given({ platform: unlessEmpty(platform), credentials }),
    });
    for (const digest of image.digests) line({ status: `Digest: ${digest.split('@')[1]}` });
    const what = known === image.id ? 'Image is up to date for' : 'Downloaded newer image for';
    line({ status: `Status: ${what} ${name}` });
  }

  async function importRoot({ line }: ProgressLines, source: ReturnType<typeof streamOf>, query: Query['Querystring']) {
    const repo = textOf(query.repo) ?? '';
    const image = await images!.importRoot(source, {
      changes: textsOf(query.changes),
      ...given({
        name: repo === '' ? undefined : withTag(repo, textOf(query.tag) ?? ''),
        message: unlessEmpty(textOf(query.message)),
      }),
    });
    line({ status: image.id });
  }
};

function withTag(name: string, tag: string): string {
  if (tag === '') return name;
  return tag.includes(':') ? `${name}@${tag}` : `${name}:${tag}`;
}

/**
 * Base64 (also of the kind for addresses) of {username, password, serveraddress} or {identitytoken, …}. Anything else is
 * nothing, as in dockerd: clients send what they have, and most images need none.
 */
export function readCredentials(header: string | string[] | undefined): Credentials | undefined {
  const { username = '', password = '', identitytoken = '', serveraddress = '' } = authOf([header].flat()[0] ?? '');
  if (username === '' && identitytoken === '') return undefined;
  return {
    username,
    password,
    ...given({ identityToken: unlessEmpty(identitytoken), serverAddress: unlessEmpty(serveraddress) }),
  };
}

function authOf(text: string): z.output<typeof AUTH> {
  try {
    return parse(AUTH, JSON.parse(Buffer.from(text, 'base64').toString()));
  } catch {
    return {};
  }
}
