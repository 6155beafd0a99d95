/** @module The daemon, and its two clients. */

import { takeInventory } from '../inventory.ts';
import type { Stage } from '../stage.ts';

export async function showDaemon(stage: Stage): Promise<void> {
  const text = stage.text.daemon;
  await stage.startDaemon();
  stage.before = await takeInventory(stage.world);
  const { stdout: version } = await stage.docker(`version --format '{{.Server.Platform.Name}} {{.Server.Version}}'`);
  const { stdout: images } = await stage.pontoon(`images --format '{{.Repository}}:{{.Tag}}'`);
  const { stdout: networks } = await stage.pontoon(`network ls --format '{{.Name}} {{.Driver}}'`);
  stage.check(text.answers, /^Pontoon \d+\.\d+\.\d+$/m.test(version));
  stage.check(text.image, images.includes('pontoon/busybox:latest'));
  stage.check(text.networks, networks.trim() === 'bridge bridge\nhost host\nnone null');
}
