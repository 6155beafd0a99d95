/**
 * @module The demo as a whole: its steps in their order, from an empty world to an empty world.
 */

import { Narrator } from './narrator.ts';
import { Stage } from './stage.ts';
import { showBridge } from './steps/bridge.ts';
import { showConnect } from './steps/connect.ts';
import { showContainers } from './steps/containers.ts';
import { showDaemon } from './steps/daemon.ts';
import { showExplain } from './steps/explain.ts';
import { showFirstRequest } from './steps/first-request.ts';
import { showHairpin } from './steps/hairpin.ts';
import { showHostNetwork } from './steps/host-network.ts';
import { showInterfaces } from './steps/interfaces.ts';
import { showIsolation } from './steps/isolation.ts';
import { showLivePublish } from './steps/live-publish.ts';
import { showMasquerade } from './steps/masquerade.ts';
import { showNames } from './steps/names.ts';
import { showDefaultNetwork } from './steps/network.ts';
import { showPublishedPort } from './steps/published.ts';
import { showRemoval } from './steps/removal.ts';
import { showRepair } from './steps/repair.ts';
import { showRoutes } from './steps/routes.ts';
import { showTrace } from './steps/trace.ts';
import { showWorld } from './steps/world.ts';
import { type Catalogue, en } from './text.en.ts';
import { zh } from './text.zh.ts';
import { buildWorld } from './world.ts';

export const LANGUAGES = { en, zh } as const satisfies Record<string, Catalogue>;
export type Language = keyof typeof LANGUAGES;

/** What a step has in the catalogue at least. */
type Told = { [Key in keyof Catalogue]: Catalogue[Key] extends { title: string; why: string } ? Key : never };
type StepName = Told[keyof Catalogue];

const STEPS: readonly (readonly [StepName, (stage: Stage) => Promise<void>])[] = [
  ['world', showWorld],
  ['daemon', showDaemon],
  ['network', showDefaultNetwork],
  ['containers', showContainers],
  ['interfaces', showInterfaces],
  ['bridge', showBridge],
  ['firstRequest', showFirstRequest],
  ['trace', showTrace],
  ['routes', showRoutes],
  ['published', showPublishedPort],
  ['hairpin', showHairpin],
  ['masquerade', showMasquerade],
  ['names', showNames],
  ['explain', showExplain],
  ['isolation', showIsolation],
  ['connect', showConnect],
  ['hostNetwork', showHostNetwork],
  ['livePublish', showLivePublish],
  ['repair', showRepair],
  ['removal', showRemoval],
];

export interface PlayOptions {
  readonly language: Language;
  /** Called after each step but the last. */
  readonly pause?: () => Promise<void>;
  /** Default: standard output. */
  readonly write?: (text: string) => void;
}

/**
 * Plays the demo in this process's namespaces, which must be a private world; says whether all was as expected.
 * @throws PontoonError mode-conflict outside a private world
 */
export async function play({ language, pause, write }: PlayOptions): Promise<boolean> {
  const started = performance.now();
  const text = LANGUAGES[language];
  const narrator = new Narrator({ text, ...(write === undefined ? {} : { write }) });
  {
    await using world = await buildWorld();
    const stage = new Stage({ world, narrator, text });
    narrator.opening();
    for (const [index, [name, show]] of STEPS.entries()) {
      if (index > 0) await pause?.();
      narrator.title(index + 1, text[name].title);
      try {
        await show(stage);
      } catch (error) {
        // The steps build on each other, so nothing after this one could be believed.
        narrator.broken(error as Error);
        break;
      }
      narrator.why(text[name].why);
    }
  }
  narrator.summary((performance.now() - started) / 1000);
  return narrator.failures.length === 0;
}
